// Tests the clocks, timers and random numbers of mq, and their replacement.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { longestTimerMs, pause, replaceTime, type Time, time, timeoutSignal, turn } from '../../src/time.ts';

test('a timer calls once, and a cancelled timer does not', async () => {
  const calls: string[] = [];
  const cancelled = time.after(1, () => calls.push('cancelled'));
  cancelled.cancel();
  cancelled.cancel();
  await new Promise<void>((resolve) => {
    time.after(1, () => calls.push('called'));
    time.after(20, resolve);
  });
  assert.equal(calls, ['called']);
});

test('an interval calls until it is cancelled', async () => {
  let calls = 0;
  await new Promise<void>((resolve) => {
    const timer = time.every(1, () => {
      calls += 1;
      if (calls < 3) return;
      timer.cancel();
      resolve();
    });
  });
  await pause(10);
  assert.is(calls, 3);
});

test('a delay that is too long for Node does not end at once', async () => {
  const timers = [longestTimerMs + 1, Number.POSITIVE_INFINITY].flatMap((milliseconds) => {
    const fail = () => assert.unreachable('the timer has fired');
    return [time.after(milliseconds, fail), time.every(milliseconds, fail)];
  });
  await pause(10);
  for (const timer of timers) timer.cancel();
});

test('the next turn comes after all promises', async () => {
  const calls: string[] = [];
  time.nextTurn(() => calls.push('cancelled')).cancel();
  const next = turn().then(() => calls.push('turn'));
  await Promise.resolve().then(() => calls.push('promise'));
  await next;
  assert.equal(calls, ['promise', 'turn']);
});

test('a pause ends when its signal aborts, and costs a turn if it has aborted', async () => {
  const stop = new AbortController();
  const paused = pause(longestTimerMs, { signal: stop.signal });
  stop.abort();
  await paused;
  let hasTurned = false;
  time.nextTurn(() => {
    hasTurned = true;
  });
  for (let count = 0; count < 3; count += 1) await pause(longestTimerMs, { signal: stop.signal });
  assert.ok(hasTurned);
});

test('a signal aborts with a TimeoutError after its time', async () => {
  const signal = timeoutSignal(1);
  assert.not.ok(signal.aborted);
  await pause(longestTimerMs, { signal });
  assert.is(signal.reason.name, 'TimeoutError');
});

test('random bytes differ and have the length', () => {
  const all = Array.from({ length: 100 }, () => time.randomBytes(16));
  assert.ok(all.every((bytes) => Buffer.isBuffer(bytes) && bytes.length === 16));
  assert.is(new Set(all.map(String)).size, 100);
});

test('a replaced time is in force everywhere until it is restored', async () => {
  const before = time;
  const delays: number[] = [];
  const after: Time['after'] = (milliseconds, run) => {
    delays.push(milliseconds);
    return before.nextTurn(run);
  };
  const restore = replaceTime({ ...time, after, now: () => 7 });
  assert.is(time.now(), 7);
  await pause(1000);
  const signal = timeoutSignal(2000);
  await pause(longestTimerMs, { signal });
  assert.equal(delays, [1000, 2000, longestTimerMs]);
  restore();
  assert.is(time, before);
});

test.run();
