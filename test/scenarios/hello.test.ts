// Scenario 1: a producer sends messages to a consumer over the queue `hello`.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { testRoles } from '../support/roles.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

test('the consumer prints what the producer sends', async () => {
  const consumer = await roles.receiver(['consumer', '--count', '3']);
  const silent = { status: 0, stdout: '', stderr: '' };
  for (const words of [['Hello World!'], ['Hello', 'again'], ['späť 🐇 "quoted"']]) {
    const { status, stdout, stderr } = await roles.run(['producer', ...words]);
    assert.equal({ status, stdout, stderr }, silent);
  }
  const { status, stdout } = await consumer.ended;
  assert.equal({ status, stdout }, { status: 0, stdout: 'Hello World!\nHello again\nspäť 🐇 "quoted"\n' });
});

test('messages wait for a consumer that starts later', async () => {
  await roles.run(['producer', 'early']);
  const { status, stdout } = await roles.run(['consumer', '--until-empty']);
  assert.equal({ status, stdout }, { status: 0, stdout: 'early\n' });
});

test('consumers with --count 1 receive a classic queue in order', async () => {
  const queue = 'one-by-one';
  const config = {
    vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': 'classic' } } } } } },
    publications: { work: { queue } },
    subscriptions: { work: { queue, prefetch: 2 } },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config) });
  const sent = ['1', '2', '3', '4'];
  await roles.run(['publish', 'work', '--lines'], { cwd, input: sent.join('\n') });
  const received: string[] = [];
  for (const _ of sent)
    received.push((await roles.run(['subscribe', 'work', '--count', '1', '--exec', 'cat'], { cwd })).stdout.trim());
  assert.equal(received, sent);
});

test('every byte arrives unchanged', async () => {
  const bytes = Buffer.from(Array.from({ length: 1024 }, (_, index) => index % 256));
  await roles.run(['producer', '--file', '-'], { input: bytes });
  const { stdout } = await roles.run(['consumer', '--count', '1', '--json']);
  const { body, encoding } = JSON.parse(stdout) as { body: string; encoding: string };
  assert.is(encoding, 'base64');
  assert.ok(Buffer.from(body, 'base64').equals(bytes));

  await roles.run(['producer', '--file', '-'], { input: bytes });
  const printed = await roles.run(['consumer', '--count', '1']);
  assert.ok(printed.bytes.equals(Buffer.concat([bytes, Buffer.from('\n')])));
});

test('an empty message arrives', async () => {
  await roles.run(['producer', '--file', '-'], { input: '' });
  const { status, stdout } = await roles.run(['consumer', '--count', '1']);
  assert.equal({ status, stdout }, { status: 0, stdout: '\n' });
});

test('properties and headers arrive', async () => {
  const properties = ['--property', 'content-type=text/plain', '--property', 'priority=3', '--header', 'colour=red'];
  await roles.run(['producer', ...properties, '--property', 'message-id=m-1', 'hi']);
  const { stdout } = await roles.run(['consumer', '--count', '1', '--json']);
  const message = JSON.parse(stdout) as { properties: unknown; headers: Record<string, unknown>; fields: unknown };
  assert.equal(message.properties, { contentType: 'text/plain', deliveryMode: 1, priority: 3, messageId: 'm-1' });
  assert.is(message.headers['colour'], 'red');
  assert.equal(message.fields, { exchange: '', routingKey: 'hello', redelivered: false, queue: 'hello' });
});

test('a closed stdout ends the consumer quietly, and the rest stays queued', async () => {
  await roles.run(['producer', '--lines'], { input: 'one\ntwo\nthree\n' });
  const consumer = await roles.receiver(['consumer', '--prefetch', '1', '--handler-timeout', '5']);
  await consumer.prints(/three/);
  consumer.closeStdout();
  await roles.run(['producer', 'four']);
  const { status, stderr } = await consumer.ended;
  assert.equal({ status, stderr }, { status: 0, stderr: 'waiting for messages from hello\n' });
  const rest = await roles.run(['consumer', '--until-empty']);
  assert.is(rest.stdout, 'four\n');
});

test.run();
