// Every role exchanges messages with the tutorials' programs in Python (pika) and with amqp-tools. In one vhost mq
// declares the topology first, and in another the other programs do. The declarations must be equal.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { amqpTool, type Program, python } from '../support/interop.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const ours = await testRoles(); // here mq declares first
const theirs = await testRoles(); // here the other programs declare first
test.after.each(async () => {
  await ours.killLeft();
  await theirs.killLeft();
});
test.after(async () => {
  await ours.end();
  await theirs.end();
});

const toUs = (name: string, ...args: string[]) => python(ours.vhost.urls.at(-1)!, name, ...args).ended;
const fromUs = async (name: string, ...args: string[]): Promise<Program> => {
  const program = python(theirs.vhost.urls.at(-1)!, name, ...args);
  await program.ready;
  return program;
};
/** Runs mq in the vhost in which the other programs declared first. */
const send = async (...args: string[]) => {
  const { status, stderr } = await theirs.run(args);
  assert.equal({ status, stderr }, { status: 0, stderr: '' });
};

test('1: send.py to consumer, producer to receive.py', async () => {
  const consumer = await ours.receiver(['consumer', '--count', '2']);
  await toUs('send');
  await toUs('send', 'späť', '🐇');
  assert.is((await consumer.ended).stdout, 'Hello World!\nspäť 🐇\n');

  const receive = await fromUs('receive', '2');
  await send('producer', 'Hello World!');
  await send('producer', 'späť', '🐇');
  assert.is(await receive.ended, 'Hello World!\nspäť 🐇\n');
});

test('2: new_task.py to worker, task to worker.py', async () => {
  const worker = await ours.receiver(['worker', '--count', '2', '--json']);
  await toUs('new_task', 'one.');
  await toUs('new_task');
  const tasks = lines((await worker.ended).stdout).map((line) => JSON.parse(line));
  assert.equal(
    tasks.map(({ body, properties }) => [body, properties.deliveryMode]),
    [
      ['one.', 2],
      ['Hello World!', 2],
    ],
  );

  const program = await fromUs('worker', '3');
  await send('task', 'one.');
  await send('task', 'Hello World!');
  await send('task', '--no-persistent', 'three');
  assert.is(await program.ended, 'one. (persistent)\nHello World! (persistent)\nthree (transient)\n');
});

test('2: worker.py and worker share one queue', async () => {
  const program = python(ours.vhost.urls[0]!, 'worker', '5');
  await program.ready;
  const worker = await ours.receiver(['worker', '--count', '5']);
  const numbers = Array.from({ length: 10 }, (_, index) => String(index));
  await ours.run(['task', '--lines'], { input: numbers.join('\n') });
  const theirShare = lines(await program.ended).map((line) => line.replace(' (persistent)', ''));
  const ourShare = lines((await worker.ended).stdout);
  assert.equal([...theirShare, ...ourShare].toSorted(), numbers);
});

test('3: emit_log.py to receive-logs, emit-log to receive_logs.py', async () => {
  const receiver = await ours.receiver(['receive-logs', '--count', '2']);
  await toUs('emit_log');
  await toUs('emit_log', 'warning:', 'two');
  assert.is((await receiver.ended).stdout, 'info: Hello World!\nwarning: two\n');

  const program = await fromUs('receive_logs', '2');
  await send('emit-log', 'info: Hello World!');
  await send('emit-log', 'warning:', 'two');
  assert.is(await program.ended, 'info: Hello World!\nwarning: two\n');
});

test('4: the direct log programs exchange messages in both directions', async () => {
  const receiver = await ours.receiver(['receive-logs-direct', 'error', 'warning', '--count', '2', '--json']);
  await toUs('emit_log_direct', 'info', 'passed over');
  await toUs('emit_log_direct', 'error', 'e');
  await toUs('emit_log_direct', 'warning', 'w');
  const messages = lines((await receiver.ended).stdout).map((line) => JSON.parse(line));
  assert.equal(
    messages.map(({ fields, body }) => `${fields.routingKey}:${body}`),
    ['error:e', 'warning:w'],
  );

  const program = await fromUs('receive_logs_direct', '2', 'error', 'warning');
  await send('emit-log-direct', '--no-mandatory', 'info', 'passed over');
  await send('emit-log-direct', 'error', 'e');
  await send('emit-log-direct', 'warning', 'w');
  assert.is(await program.ended, 'error:e\nwarning:w\n');
});

test('5: the topic log programs exchange messages in both directions', async () => {
  const receiver = await ours.receiver(['receive-logs-topic', 'kern.*', '#.critical', '--count', '3', '--json']);
  for (const topic of ['a.info', 'kern.info', 'a.b.critical', 'critical']) await toUs('emit_log_topic', topic, 'text');
  const messages = lines((await receiver.ended).stdout).map((line) => JSON.parse(line));
  assert.equal(
    messages.map(({ fields }) => fields.routingKey),
    ['kern.info', 'a.b.critical', 'critical'],
  );

  const program = await fromUs('receive_logs_topic', '3', 'kern.*', '#.critical');
  await send('emit-log-topic', '--no-mandatory', 'a.info', 'text');
  for (const topic of ['kern.info', 'a.b.critical', 'critical']) await send('emit-log-topic', topic, 'text');
  assert.is(await program.ended, 'kern.info:text\na.b.critical:text\ncritical:text\n');
});

test('6: rpc_client.py to rpc-server, rpc-client to rpc_server.py', async () => {
  const server = await ours.receiver(['rpc-server']);
  assert.is(await toUs('rpc_client', '30'), '832040\n');
  assert.is(await toUs('rpc_client', '300', 'direct'), `${await toUs('rpc_client', '300')}`);
  await server.stop();

  const program = await fromUs('rpc_server', '5');
  assert.is((await theirs.run(['rpc-client', '30'])).stdout, '832040\n');
  assert.is((await theirs.run(['rpc-client', '30', '--reply-queue'])).stdout, '832040\n');
  const { status, stdout } = await theirs.run(['rpc-client', '--lines'], { input: '10\n11\n12\n' });
  assert.equal({ status, stdout }, { status: 0, stdout: '55\n89\n144\n' });
  await program.ended;
});

test('the receiving roles receive from amqp-publish', async () => {
  const url = ours.vhost.urls.at(-1)!;
  const publish = (...args: string[]) => amqpTool(url, 'amqp-publish', ...args).ended;
  const receivers = [
    await ours.receiver(['consumer', '--count', '1']),
    await ours.receiver(['worker', '--count', '1']),
    await ours.receiver(['receive-logs', '--count', '1']),
    await ours.receiver(['receive-logs-direct', 'error', '--count', '1']),
    await ours.receiver(['receive-logs-topic', 'a.#', '--count', '1']),
  ];
  await publish('-r', 'hello', '-b', 'one');
  await publish('-r', 'task_queue', '-p', '-b', 'two');
  await publish('-e', 'logs', '-b', 'three');
  await publish('-e', 'direct_logs', '-r', 'error', '-b', 'four');
  await publish('-e', 'topic_logs', '-r', 'a.b', '-C', 'text/plain', '-H', 'colour: red', '-b', 'five');
  const ends = await Promise.all(receivers.map(({ ended }) => ended));
  assert.equal(
    ends.map(({ stdout }) => stdout),
    ['one\n', 'two\n', 'three\n', 'four\n', 'five\n'],
  );

  const server = await ours.receiver(['rpc-server']);
  await ours.vhost.api('PUT', `/api/queues/${ours.vhost.name}/answers`, { durable: true });
  await publish('-r', 'rpc_queue', '-t', 'answers', '-b', '30');
  const [answer] = await ours.take('answers', 1);
  assert.is(answer?.payload, '832040');
  await server.stop();
});

test('amqp-consume receives from the sending roles', async () => {
  const url = theirs.vhost.urls.at(-1)!;
  const consume = (...args: string[]) => amqpTool(url, 'amqp-consume', '-c', '1', ...args, 'cat');
  for (const [role, queue] of [
    ['producer', 'hello'],
    ['task', 'task_queue'],
  ] as const) {
    await send(role, 'for the queue');
    assert.is(await consume('-q', queue).ended, 'for the queue');
  }
  // amqp-tools 0.11.0 crashes without -r.
  for (const [role, exchange, pattern] of [
    ['emit-log', 'logs', 'any'],
    ['emit-log-direct', 'direct_logs', 'a.b'],
    ['emit-log-topic', 'topic_logs', 'a.#'],
  ] as const) {
    await send(role, '--no-mandatory', '--routing-key', 'a.b', 'no receiver');
    const before = await bindings(exchange);
    const program = consume('-x', '-e', exchange, '-r', pattern);
    const isBound = async () => (await bindings(exchange)).some((queue) => !before.includes(queue));
    await Promise.race([until('the queue is bound', isBound), program.ended]);
    await send(role, '--routing-key', 'a.b', 'for the exchange');
    assert.is(await program.ended, 'for the exchange');
  }
});

/** Returns the queues that are bound to the exchange. */
async function bindings(exchange: string): Promise<string[]> {
  const { vhost } = theirs;
  const path = `/api/exchanges/${vhost.name}/${exchange}/bindings/source`;
  return ((await vhost.api('GET', path)) as { destination: string }[]).map(({ destination }) => destination);
}

test.run();
