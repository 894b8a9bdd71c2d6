// The first SIGTERM lets a receiving role finish running handlers. The second one requeues their messages.

import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { skip } from '../../src/harness/test-file/skip.ts';
import { untilMetric } from '../support/metrics.ts';
import { emptyFolder, executable, type RunningMq } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

// This handler prints a line when it starts, and ends when a file `go` exists.
const script =
  '#!/bin/sh\nbody=$(cat)\necho "begin $body" >&2\nuntil [ -e go ]; do sleep 0.05; done\necho "end $body"\n';

async function startHolding(...options: string[]): Promise<{ worker: RunningMq; go: () => Promise<void> }> {
  const cwd = emptyFolder({ 'hold.sh': script });
  chmodSync(join(cwd, 'hold.sh'), 0o755);
  const worker = await roles.receiver(['worker', ...options, '--exec', './hold.sh'], { cwd });
  return { worker, go: () => writeFile(join(cwd, 'go'), '') };
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} finishes and acknowledges the running message, the rest stays`, async () => {
    const { worker, go } = await startHolding('--prefetch', '2', '--concurrency', '1');
    await roles.runHere(['task', '--lines'], { input: 'one\ntwo\nthree\n' });
    await worker.prints(/begin one/, 'stderr');
    worker.kill(signal);
    await go();
    const { status, stdout } = await worker.ended;
    assert.equal({ status, stdout }, { status: 0, stdout: 'end one\n' });
    const rest = await roles.run(['worker', '--until-empty']);
    assert.equal(lines(rest.stdout).toSorted(), ['three', 'two']);
  });
}

test('the second SIGTERM requeues the message for another worker at once', async () => {
  const { worker } = await startHolding('--grace', '0.2');
  await roles.runHere(['task', 'handed back']);
  await worker.prints(/begin/, 'stderr');
  await roles.signalTwice(worker);
  const { status, stdout, stderr } = await worker.ended;
  assert.equal({ status, stdout }, { status: 143, stdout: '' });
  assert.match(stderr, /\nmq worker: stopped by SIGTERM: unfinished work was handed back \[TERMINATED\]\n$/);
  assert.match(stderr, /^messages: 1 received, 1 handed back \(.*\)$/m);
  const next = await roles.run(['worker', '--count', '1', '--json']);
  assert.is(JSON.parse(next.stdout).body, 'handed back');
});

test('the second SIGINT ends with 130', async () => {
  const { worker } = await startHolding('--grace', '0.2');
  await roles.runHere(['task', 'interrupted']);
  await worker.prints(/begin/, 'stderr');
  await roles.signalTwice(worker, 'SIGINT');
  assert.is((await worker.ended).status, 130);
  assert.equal(
    (await roles.take('task_queue', 1)).map(({ payload }) => payload),
    ['interrupted'],
  );
});

test('--drain limits the time to finish', async () => {
  const { worker } = await startHolding('--drain', '0.5', '--grace', '0.2');
  await roles.runHere(['task', 'too long']);
  await worker.prints(/begin/, 'stderr');
  assert.is((await worker.stop()).status, 143);
  assert.equal(
    (await roles.take('task_queue', 1)).map(({ payload }) => payload),
    ['too long'],
  );
});

test('the drain field of a role limits the time to finish', async () => {
  const config = {
    vhosts: { '/': { queues: { held: {} } } },
    publications: { held: { queue: 'held' } },
    subscriptions: { held: { queue: 'held' } },
    mq: { roles: { hold: { consume: 'held', drain: '500ms', handler: { exec: ['./hold.sh'] } } } },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config), 'hold.sh': script });
  chmodSync(join(cwd, 'hold.sh'), 0o755);
  const worker = await roles.receiver(['hold', '--grace', '0.2'], { cwd });
  await roles.runHere(['publish', 'held', 'too long'], { cwd });
  await worker.prints(/begin/, 'stderr');
  assert.is((await worker.stop()).status, 143);
  assert.equal(
    (await roles.take('held', 1)).map(({ payload }) => payload),
    ['too long'],
  );
});

test('SIGTERM uses no attempt of messages that no handler received', async () => {
  const queue = 'unhandled';
  const config = {
    vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': 'classic' } } } } } },
    publications: { work: { queue } },
    subscriptions: { work: { queue } },
    mq: { retry: { attempts: 1 } },
  };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(config), 'hold.sh': script });
  chmodSync(join(cwd, 'hold.sh'), 0o755);
  const handling = ['--prefetch', '10', '--concurrency', '1', '--exec', './hold.sh'];
  await roles.runHere(['publish', 'work', '--lines'], { cwd, input: 'a\nb\nc\nd\n' });
  const worker = await roles.receiver(['subscribe', 'work', ...handling], { cwd });
  await worker.prints(/begin a/, 'stderr');
  worker.kill('SIGTERM');
  await writeFile(join(cwd, 'go'), '');
  assert.is((await worker.ended).stdout, 'end a\n');
  const next = await roles.run(['subscribe', 'work', '--until-empty', ...handling], { cwd });
  assert.equal(lines(next.stdout), ['end b', 'end c', 'end d'], next.stderr);
});

const sleeping: Readonly<Record<string, readonly string[]>> = {
  exec: ['--exec', './sleep.sh'],
  'exec-lines': ['--exec-lines', './sleep.sh'],
  module: ['--handler', './sleep.mjs'],
};

for (const type of ['classic', 'quorum'] as const) {
  test(`the end of the drain uses no attempt of a message of a ${type} queue`, async () => {
    const queue = `drained-${type}`;
    const config = {
      vhosts: { '/': { queues: { [queue]: { options: { durable: true, arguments: { 'x-queue-type': type } } } } } },
      publications: { work: { queue } },
      subscriptions: { work: { queue } },
      mq: { retry: { attempts: 1 } },
    };
    const cwd = emptyFolder({
      'rascal.json': JSON.stringify(config),
      'sleep.sh': '#!/bin/sh\nread -r line\necho begin >&2\nexec sleep 60\n',
      'sleep.mjs': "export default () => { console.error('begin'); return new Promise(() => undefined); };\n",
    });
    chmodSync(join(cwd, 'sleep.sh'), 0o755);
    await roles.runHere(['publish', 'work', 'unfinished'], { cwd });
    for (const handling of Object.values(sleeping)) {
      const worker = await roles.receiver(['subscribe', 'work', '--drain', '1ms', ...handling], { cwd });
      await worker.prints(/begin/, 'stderr');
      worker.kill('SIGTERM');
      assert.is((await worker.ended).status, 143);
    }
    const showAttempt = ['--exec', 'sh', '-c', 'echo "attempt $MQ_ATTEMPT"'];
    const next = await roles.run(['subscribe', 'work', '--until-empty', ...showAttempt], { cwd });
    assert.equal([next.stdout, next.stderr.match(/dead-letter/)], ['attempt 1\n', null], next.stderr);
  });
}

test('a built-in handler requeues its message too', async () => {
  const worker = await roles.receiver(['worker', '--metrics', '0']);
  await roles.runHere(['task', '--lines'], { input: `${'.'.repeat(1000)}\nnext\n` });
  await untilMetric(worker, 'mq_in_flight', 1);
  await roles.signalTwice(worker);
  assert.is((await worker.ended).status, 143);
  assert.equal((await roles.take('task_queue', 2)).map(({ payload }) => payload.length).toSorted(), [1000, 4]);
});

test('a receiver without work ends at the first signal', async () => {
  for (const role of [['consumer'], ['worker'], ['receive-logs'], ['receive-logs-topic', '#'], ['rpc-server']]) {
    const receiver = await roles.receiver(role);
    const { status, stdout } = await receiver.stop();
    assert.equal({ role, status, stdout }, { role, status: 0, stdout: '' });
  }
});

test('SIGTERM ends a role that waits for the answer of a broker', async () => {
  // The server accepts connections and sends nothing.
  const silent = createServer((socket) => socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const worker = roles.start(['worker', '--url', `amqp://127.0.0.1:${(silent.address() as AddressInfo).port}`]);
  const [socket] = (await once(silent, 'connection')) as [Socket];
  try {
    const { status, stderr } = await worker.stop();
    assert.equal({ status, stderr }, { status: 0, stderr: '' });
  } finally {
    socket.destroy();
    silent.close();
  }
});

test('SIGHUP does not end a role without a terminal (nohup mq worker)', async () => {
  const worker = roles.start([executable, 'worker', '--exec', 'cat'], { executable: 'nohup' });
  worker.stdin.end();
  await worker.prints(/waiting for messages from/, 'stderr');
  worker.kill('SIGHUP');
  await roles.runHere(['task', 'after SIGHUP']);
  await worker.prints(/after SIGHUP/);
  assert.is((await worker.stop()).status, 0);
});

test('a closed terminal ends a role', async () => {
  if (process.platform !== 'linux') skip('needs script of util-linux');
  const script = ['-q', '-c', `exec ${executable} worker`, '/dev/null'];
  const terminal = roles.start(script, { executable: 'script' });
  await terminal.prints(/waiting for messages from/);
  const consumers = () => roles.vhost.api('GET', `/api/consumers/${roles.vhost.name}`) as Promise<unknown[]>;
  await until('the consumer is there', async () => (await consumers()).length === 1);
  terminal.kill('SIGKILL');
  await terminal.ended;
  await until('the consumer is gone', async () => (await consumers()).length === 0);
});

test.run();
