// mq peek prints the messages of a stream from a position, and other readers do not notice it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, executable } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
const connection = await connect(roles.vhost.urls[0] ?? '');
const channel = await connection.createConfirmChannel();
test.after.each(roles.killLeft);
test.after(async () => {
  await connection.close();
  await roles.end();
});

const peek = (...args: string[]) => roles.runHere(['peek', ...args]);

/** Declares a stream on all nodes and publishes the numbers below `count` to it. */
async function stream(queue: string, count: number, length = 0): Promise<string[]> {
  await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'stream' } });
  const bodies = Array.from({ length: count }, (_, index) => String(index).padEnd(length));
  for (const body of bodies) channel.sendToQueue(queue, Buffer.from(body));
  await channel.waitForConfirms();
  return bodies;
}

interface Line {
  readonly body: string;
  readonly headers: { readonly 'x-stream-offset': number };
}

function seen(stdout: string): (readonly [string, number])[] {
  return lines(stdout).map((line) => {
    const { body, headers } = JSON.parse(line) as Line;
    return [body, headers['x-stream-offset']] as const;
  });
}

test('25 looks at a stream show the same messages, also from an offset', async () => {
  const bodies = await stream('looks-stream', 30);
  for (let look = 1; look <= 25; look += 1) {
    const from = look % 5;
    const { status, stdout, stderr } = await peek(
      'looks-stream',
      '--json',
      ...(from > 0 ? ['--offset', `${from}`] : []),
    );
    const wanted = bodies.slice(from, from + 10).map((body, index) => [body, from + index]);
    assert.equal([status, seen(stdout)], [0, wanted], stderr);
  }
  const text = await peek('looks-stream', '--count', '2', '--no-headers', '--offset', '28');
  assert.is(text.stdout, '28\t-\t-\tlooks-stream\t2\tfalse\t28\n29\t-\t-\tlooks-stream\t2\tfalse\t29\n');
});

test('a look ends at the end of the stream, and finds messages by a filter', async () => {
  const bodies = await stream('ended-stream', 600);
  const all = bodies.map((body, index) => [body, index]);
  assert.equal(seen((await peek('ended-stream', '--json', '--count', '5000')).stdout), all);
  assert.equal(seen((await peek('ended-stream', '--json', '--filter', '599')).stdout), [['599', 599]]);
  assert.equal(seen((await peek('ended-stream', '--json', '--offset', '1h', '--count', '1')).stdout), [['0', 0]]);
  assert.equal(seen((await peek('ended-stream', '--json', '--offset', 'next')).stdout), []);
  const last = seen((await peek('ended-stream', '--json', '--offset', 'last', '--count', '5000')).stdout);
  assert.equal(last, all.slice(-last.length));
  assert.ok(last.length > 0);
});

test('a look at a stream that is killed loses nothing', async () => {
  const bodies = await stream('killed-stream', 300, 2_000);
  for (const signal of ['SIGKILL', 'SIGINT'] as const) {
    const held = spawn(executable, ['peek', 'killed-stream', '--count', '300', '--json'], {
      cwd: emptyFolder(),
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], MQ_URL: roles.vhost.url },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // The test reads no more output, so that mq waits with messages in hand.
    await once(held.stdout, 'readable');
    held.kill(signal);
    held.stdout.destroy();
    await once(held, 'exit');
  }
  const { stdout } = await peek('killed-stream', '--count', '300', '--json');
  assert.equal(
    seen(stdout).map(([body]) => body),
    bodies,
  );
});

test('a bad position, or one in another queue, is refused', async () => {
  for (const offset of ['-1', 'frist', '5 minutes', '2026-13-01T00:00:00Z']) {
    const { status, stderr } = await peek('looks-stream', '--offset', offset);
    assert.is(status, 64, stderr);
    assert.match(stderr, /--offset '.*' is not valid: /);
  }
  await channel.assertQueue('no-stream', { durable: true });
  const { status, stderr } = await peek('no-stream', '--offset', 'first');
  assert.is(status, 64);
  assert.match(stderr, /'no-stream' is a classic queue: only a stream has a position/);
});

test('mq dlq reports that a stream has no dead letters', async () => {
  const { status, stderr } = await roles.runHere(['dlq', 'list', '--queue', 'looks-stream']);
  assert.is(status, 78, stderr);
  assert.match(stderr, /'looks-stream' is a stream/);
});

test.run();
