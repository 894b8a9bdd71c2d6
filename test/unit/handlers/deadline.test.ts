import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Deadline } from '../../../src/handlers/lines/deadline.ts';

/** A clock that a test moves. It records the pauses. */
class TestClock {
  readonly pauses: number[] = [];
  #now = 0;
  #resume: () => void = () => {};

  now(): number {
    return this.#now;
  }

  pause(milliseconds: number, until: AbortSignal): Promise<undefined> {
    this.pauses.push(milliseconds);
    return new Promise((resolve) => {
      this.#resume = () => resolve(undefined);
      until.addEventListener('abort', this.#resume);
    });
  }

  /** Moves the clock without ending the pause. */
  pass(milliseconds: number): void {
    this.#now += milliseconds;
  }

  /** Ends the pause, and resolves after the code that waited for it has run. */
  async endPause(): Promise<void> {
    this.#resume();
    await new Promise(setImmediate);
  }
}

test('a request without an answer is late after the time limit', async () => {
  const clock = new TestClock();
  const deadline = new Deadline(100, clock);
  let late = 0;
  deadline.start(() => {
    late += 1;
  });
  clock.pass(99);
  await clock.endPause();
  assert.is(late, 0);
  clock.pass(1);
  await clock.endPause();
  assert.is(late, 1);
  assert.equal(clock.pauses, [100, 1]);
});

test('many requests use one timer, and each has the whole time limit', async () => {
  const clock = new TestClock();
  const deadline = new Deadline(100, clock);
  const late: number[] = [];
  for (let request = 0; request < 10; request += 1) {
    deadline.start(() => late.push(request));
    clock.pass(7);
    deadline.clear();
  }
  deadline.start(() => late.push(10));
  assert.equal(clock.pauses, [100]);
  clock.pass(30);
  await clock.endPause();
  assert.equal(clock.pauses, [100, 70]);
  clock.pass(70);
  await clock.endPause();
  assert.equal(late, [10]);
});

test('an answered request is never late, and its timer ends', async () => {
  const clock = new TestClock();
  const deadline = new Deadline(100, clock);
  deadline.start(() => assert.unreachable());
  deadline.clear();
  clock.pass(100);
  await clock.endPause();
  assert.equal(clock.pauses, [100]);
});

test('end stops the timer of a request', async () => {
  const clock = new TestClock();
  const deadline = new Deadline(100, clock);
  deadline.start(() => assert.unreachable());
  deadline.end();
  clock.pass(100);
  await new Promise(setImmediate);
  assert.equal(clock.pauses, [100]);
});

test.run();
