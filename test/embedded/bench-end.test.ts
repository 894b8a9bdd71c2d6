// Tests how mq bench ends early: at signals, without a broker, and without one of its processes.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bench, queuesOf, rascal, resultIn } from '../support/bench.ts';
import { Place } from '../support/embedded.ts';
import { startMessageProxy } from '../support/message-proxy.ts';
import { emptyFolder, startMq } from '../support/mq.ts';

test('the first process that fails ends the run with its error', async () => {
  const { status, stderr } = await bench('amqp://127.0.0.1:1', ['pipe', '--processes', '2']);
  assert.is(status, 69, stderr);
});

test('a signal ends the sending, and the result is printed', () =>
  Place.with({ port: 0 }, async (place) => {
    const running = startMq(['bench', 'pipe', '--duration', '10m', '--json'], { env: { MQ_URL: place.url() } });
    await running.prints(/"type":"second"/);
    const ended = await running.stop();
    assert.is(ended.status, 143);
    assert.is(resultIn(ended).lost, 0);
  }));

test('a signal ends a run whose broker is gone, with the result', () =>
  Place.with({ port: 0 }, async (place) => {
    const proxy = await startMessageProxy(place.broker.port, {});
    const cwd = emptyFolder();
    const args = ['bench', 'pipe', '--duration', '10m', '--json', '--svg', 'latency.svg', '--threshold', 'rate>0'];
    const running = startMq(args, { env: { MQ_URL: proxy.url }, cwd });
    await running.prints(/"type":"second"/);
    proxy.close();
    await running.prints(/connecting again/, 'stderr');
    const ended = await running.stop();
    assert.is(ended.status, 143, ended.stderr);
    const { thresholds, failure } = resultIn(ended);
    // After the time limit of the publisher, the code would be IN_DOUBT.
    assert.equal([thresholds[0]?.holds, failure?.code], [false, 'UNAVAILABLE']);
    assert.match(readFileSync(join(cwd, 'latency.svg'), 'utf8'), /^<svg /);
  }));

test('a run whose broker is gone ends with a result and its error', () =>
  Place.with({ port: 0 }, async (place) => {
    const proxy = await startMessageProxy(place.broker.port, {});
    const args = ['bench', 'rpc', '--timeout', '1s', '--duration', '10m', '--json', '--threshold', 'rate>0'];
    const running = startMq(args, { env: { MQ_URL: proxy.url } });
    await running.prints(/"type":"second"/);
    proxy.close();
    const ended = await running.ended;
    assert.is(ended.status, 75, ended.stderr);
    const { thresholds, failure } = resultIn(ended);
    assert.equal([thresholds[0]?.holds, failure?.code], [false, 'IN_DOUBT']);
  }));

test('consume ends if its broker is gone, with the result', () =>
  Place.with({ port: 0 }, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('orders');
    for (let count = 0; count < 5; count += 1) channel.sendToQueue('orders', Buffer.from('an order'));
    await channel.waitForConfirms();
    const proxy = await startMessageProxy(place.broker.port, {});
    const cwd = emptyFolder({ 'rascal.json': rascal });
    const args = ['bench', 'consume', 'orders', '--drop-messages', '--duration', '10m', '--drain', '200ms', '--json'];
    const running = startMq(args, { env: { MQ_URL: proxy.url }, cwd });
    await running.prints(/"type":"second"/);
    proxy.close();
    const ended = await running.ended;
    assert.is(ended.status, 69, ended.stderr);
    const { received, failure } = resultIn(ended);
    assert.equal([received, failure?.code], [5, 'UNAVAILABLE']);
  }));

test('Ctrl-C ends the sending, prints the result and deletes the queues', () =>
  Place.with({ port: 0 }, async (place) => {
    for (const args of [['publish'], ['rpc'], ['pipe', '--processes', '2']]) {
      const running = startMq(['bench', ...args, '--duration', '10m', '--json'], { env: { MQ_URL: place.url() } });
      await running.prints(/"type":"second"/);
      running.kill('SIGINT');
      const ended = await running.ended;
      assert.equal([ended.status, queuesOf(place)], [130, []], `${args.join(' ')}: ${ended.stderr}`);
      assert.match(ended.stderr, /"message":"stopped by SIGINT: the result is that of the time before"/);
      assert.ok(resultIn(ended).sent > 0);
    }
  }));

test('a signal ends a run whose broker is gone before the measurement', () =>
  Place.with({ port: 0 }, async (place) => {
    const proxy = await startMessageProxy(place.broker.port, { stall: { before: 1, ms: 2 ** 31 - 1 } });
    const running = startMq(['bench', 'consume', '--json'], { env: { MQ_URL: proxy.url } });
    await proxy.stalled;
    proxy.close();
    await running.prints(/connecting again/, 'stderr');
    const { status, stdout, stderr } = await running.stop();
    assert.equal([status, stdout], [143, ''], stderr);
    assert.match(stderr, /stopped by SIGTERM: the measurement had not begun/);
  }));

test('a second signal ends the run at once, with the result', () =>
  Place.with({ port: 0 }, async (place) => {
    const proxy = await startMessageProxy(place.broker.port, { stall: { before: 100, ms: 2 ** 31 - 1 } });
    const args = ['bench', 'pipe', '--rate', '200', '--warm-up', '0', '--duration', '10m', '--json'];
    const running = startMq(args, { env: { MQ_URL: proxy.url } });
    // The messages after the stall wait for their confirms.
    await running.prints(/"at":2/);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) running.kill(signal);
    const ended = await running.ended;
    proxy.close();
    // Two signals that are sent at once may arrive in either order (signal(7)). The first one is the status.
    const [, first = ''] = /"stopped by (SIG\w+)/.exec(ended.stderr) ?? [];
    assert.is(ended.status, { SIGINT: 130, SIGTERM: 143 }[first], ended.stderr);
    const { received, failure } = resultIn(ended);
    assert.equal([received < 100, failure?.code], [true, 'TERMINATED']);
  }));

test('a killed process ends the run, and the others delete their queues', () =>
  Place.with({ port: 0 }, async (place) => {
    const args = ['bench', 'pipe', '--processes', '2', '--duration', '10m', '--json'];
    const running = startMq(args, { env: { MQ_URL: place.url() } });
    await running.prints(/"type":"second"/);
    assert.is(queuesOf(place).length, 2);
    const [child = 0] = childrenOf(running.pid);
    process.kill(child, 'SIGKILL');
    const { status, stderr } = await running.ended;
    assert.is(status, 71, stderr);
    assert.match(stderr, /SIGKILL ended a process of the benchmark/);
    assert.is(queuesOf(place).length, 1);
  }));

/** Returns the ids of the child processes. */
function childrenOf(pid: number): number[] {
  const listed = execFileSync('ps', ['-A', '-o', 'pid=', '-o', 'ppid='], { encoding: 'utf8' });
  return [...listed.matchAll(/(\d+) +(\d+)/g)]
    .filter(([, , parent]) => Number(parent) === pid)
    .map(([, id]) => Number(id));
}

test.run();
