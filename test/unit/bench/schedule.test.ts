import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sharedLoad, shareOf } from '../../../src/bench/processes.ts';
import { Recorder } from '../../../src/bench/recorder.ts';
import { Budget, sendAll } from '../../../src/bench/schedule.ts';

/** A sender that records the intended times. `room` is called when `limit` messages are sent. */
function senderOf(limit: number, room: () => Promise<void>) {
  const times: number[] = [];
  let isFull = true;
  const sender = {
    get hasRoom() {
      return times.length !== limit || !isFull;
    },
    async room() {
      await room();
      isFull = false;
    },
    send: (_: number, intendedMs: number) => void times.push(intendedMs),
  };
  return { sender, times };
}

const never = new AbortController().signal;

test('a message that had to wait keeps the time of the schedule', async () => {
  const startMs = performance.now();
  let waitedUntil = 0;
  const { sender, times } = senderOf(2, async () => {
    while (performance.now() < startMs + 60) await new Promise((resolve) => setImmediate(resolve));
    waitedUntil = performance.now();
  });
  const recorder = new Recorder();
  recorder.startMs = startMs;
  const budget = new Budget({ count: 10, durationMs: undefined }, startMs);
  const sent = await sendAll({ sender, recorder, budget, startMs, intervalMs: 5, offsetMs: 0, stop: never });
  assert.is(sent, 10);
  assert.equal(
    times.map((ms) => Math.round(ms - startMs)),
    [0, 5, 10, 15, 20, 25, 30, 35, 40, 45],
  );
  assert.ok((times[2] ?? 0) < waitedUntil - 40);
});

test('messages that wait for the window are not late', async () => {
  const startMs = performance.now() - 1000;
  const { sender } = senderOf(0, async () => undefined);
  const recorder = new Recorder();
  recorder.startMs = startMs;
  const budget = new Budget({ count: 10, durationMs: undefined }, startMs);
  await sendAll({ sender, recorder, budget, startMs, intervalMs: 5, offsetMs: 0, stop: never });
  assert.is(recorder.late, 0);
});

test('messages that the process sends late are late', async () => {
  const startMs = performance.now() - 1000;
  const { sender } = senderOf(-1, async () => undefined);
  const recorder = new Recorder();
  recorder.startMs = startMs;
  const budget = new Budget({ count: 10, durationMs: undefined }, startMs);
  await sendAll({ sender, recorder, budget, startMs, intervalMs: 5, offsetMs: 0, stop: never });
  assert.is(recorder.late, 10);
});

test('the warm-up does not use up the number of messages', () => {
  const budget = new Budget({ count: 2, durationMs: 100 }, 50);
  assert.equal(
    [10, 49, 50, 60, 70].map((ms) => budget.accepts(ms)),
    [true, true, true, true, false],
  );
  assert.is(new Budget({ count: undefined, durationMs: 100 }, 50).accepts(150), false);
});

test('processes share the rate and the number of messages', () => {
  const load = { count: 11, intervalMs: 2 };
  const shares = [0, 1, 2].map((index) => sharedLoad(load, { index, of: 3 }));
  assert.equal(
    shares.map(({ count, intervalMs }) => [count, intervalMs]),
    [
      [4, 6],
      [4, 6],
      [3, 6],
    ],
  );
  assert.equal(shareOf({ MQ_BENCH_PROCESS: '1/3' }), { index: 1, of: 3 });
  assert.is(shareOf({}), undefined);
});

test.run();
