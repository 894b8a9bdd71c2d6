// Stops the broker permanently: --max-reconnect ends a role with 69. Without it a role waits until the broker is back.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../src/cluster/docker/ports.ts';
import { type RunningMq, startMq } from '../support/mq.ts';
import { lines } from '../support/roles.ts';
import { until } from '../support/until.ts';

const left = new Set<RunningMq>();

test.after.each(async () => {
  for (const running of left) running.kill('SIGKILL');
  await Promise.allSettled([...left].map(({ ended }) => ended));
  left.clear();
});

function start(args: readonly string[]): RunningMq {
  const running = startMq(args);
  left.add(running);
  return running;
}

interface Place {
  readonly broker: RunningMq;
  readonly url: string;
  readonly port: number;
}

/** Starts a broker on a port that no other process can get while the broker is stopped. */
async function startBroker(given?: number): Promise<Place> {
  const [port = 0] = given === undefined ? await freePorts(1, '127.0.0.1') : [given];
  const broker = start(['broker', '--port', String(port), '--json']);
  const { url } = JSON.parse(await broker.prints(/\n/)) as { url: string };
  return { broker, url, port };
}

async function killBroker({ broker }: Place): Promise<void> {
  broker.kill('SIGKILL');
  await broker.ended;
}

for (const [limit, after] of [
  ['2', '2 tries'],
  ['1.5s', '1.5 s'],
] as const) {
  for (const role of [['consumer'], ['worker'], ['rpc-server']]) {
    test(`--max-reconnect ${limit} ends ${role.join(' ')} with 69`, async () => {
      const place = await startBroker();
      const receiver = start([...role, '--url', place.url, '--max-reconnect', limit]);
      await receiver.prints(/waiting for messages/, 'stderr');
      await killBroker(place);
      const { status, stderr } = await receiver.ended;
      assert.is(status, 69, stderr);
      const line = new RegExp(`^mq ${role[0]}: no connection after ${after}: .*\\[UNAVAILABLE\\]\\nhint: `, 'm');
      assert.match(stderr, line);
    });
  }
}

test('a sender at its limit reports each message as confirmed or in doubt', async () => {
  const place = await startBroker();
  const worker = start(['worker', '--url', place.url]); // declares the queue
  await worker.prints(/waiting/, 'stderr');
  await worker.stop();
  const observed = ['--metrics', '0', '--log', 'json'];
  const task = start(['task', '--lines', '--json', '--url', place.url, '--max-reconnect', '1s', ...observed]);
  const [, metrics] = /"url":"([^"]+)"/.exec(await task.prints(/"event":"metrics".*\n/, 'stderr')) ?? [];
  task.stdin.write('one\n');
  await task.prints(/"confirmed"/);
  // mq must read the second message before the connection is lost, because it stops one second after the loss.
  place.broker.kill('SIGSTOP');
  task.stdin.write('two\n');
  await until('two messages are published', async () =>
    /^mq_published_total 2$/m.test(await (await fetch(`${metrics}/metrics`)).text()),
  );
  await killBroker(place);
  const { status, stdout } = await task.ended;
  assert.is(status, 69);
  assert.equal(
    lines(stdout).map((line) => (JSON.parse(line) as { outcome: string }).outcome),
    ['confirmed', 'in doubt'],
  );
});

test('a sender without unconfirmed messages ends without more input', async () => {
  const place = await startBroker();
  const worker = start(['worker', '--url', place.url]); // declares the queue
  await worker.prints(/waiting/, 'stderr');
  await worker.stop();
  const task = start(['task', '--lines', '--json', '--url', place.url, '--exit-on-disconnect']);
  task.stdin.write('one\n');
  await task.prints(/"confirmed"/);
  await killBroker(place);
  const { status, stderr } = await task.ended;
  assert.is(status, 69, stderr);
});

test('a client whose requests are answered ends without more input', async () => {
  const place = await startBroker();
  const server = start(['rpc-server', '--url', place.url]);
  await server.prints(/waiting/, 'stderr');
  const client = start(['rpc-client', '--lines', '--url', place.url, '--exit-on-disconnect']);
  client.stdin.write('3\n');
  await client.prints(/2\n/);
  await killBroker(place);
  const { status, stderr } = await client.ended;
  assert.is(status, 69, stderr);
});

test('without a limit a receiver waits until the broker is back', async () => {
  const place = await startBroker();
  const receiver = start(['consumer', '--url', place.url, '--count', '1']);
  receiver.stdin.end();
  await receiver.prints(/waiting for messages/, 'stderr');
  await killBroker(place);
  await receiver.prints(/connecting again/, 'stderr');
  await startBroker(place.port);
  const sent = await start(['producer', '--url', place.url, 'back again']).ended;
  assert.is(sent.status, 0, sent.stderr);
  const { status, stdout } = await receiver.ended;
  assert.equal({ status, stdout }, { status: 0, stdout: 'back again\n' });
});

for (const value of ['0', '-1', 's', '0s', '5x', '']) {
  test(`--max-reconnect '${value}' is a usage error`, async () => {
    const { status, stderr } = await start(['consumer', `--max-reconnect=${value}`]).ended;
    assert.is(status, 64, stderr);
  });
}

test.run();
