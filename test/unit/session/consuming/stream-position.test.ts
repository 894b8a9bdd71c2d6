import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { StreamPosition } from '../../../../src/session/consuming/stream-position.ts';
import { randomOf } from '../../../support/random.ts';

test('passes an offset only when all messages before it are handled', () => {
  const position = new StreamPosition();
  for (const offset of [10, 11, 12, 20]) assert.ok(position.deliver(offset));
  position.settle(11);
  assert.is(position.handled, 9);
  assert.is(position.resumeAt, 10);
  position.settle(10);
  assert.is(position.handled, 11);
  position.settle(20);
  position.settle(12);
  assert.is(position.handled, 20, 'offsets that a filter skips do not count');
});

test('recognises messages that were handled before', () => {
  const position = new StreamPosition(4);
  assert.is(position.resumeAt, 5);
  assert.not.ok(position.deliver(4));
  assert.ok(position.deliver(5));
  assert.ok(position.deliver(6));
  position.settle(6);
  assert.ok(position.deliver(5), 'it is not handled yet');
  assert.not.ok(position.deliver(6));
});

test('has no handled offset before the first message', () => {
  const position = new StreamPosition();
  assert.is(position.handled, undefined);
  position.deliver(0);
  assert.is(position.handled, undefined);
  assert.is(position.resumeAt, 0);
});

test('handles each message once for random losses and orders', () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = randomOf(seed);
    const position = new StreamPosition();
    const handled = new Map<number, number>();
    let running: number[] = [];
    let next = 0;
    while (handled.size < 40) {
      if (random.chance(0.1)) next = position.resumeAt ?? 0;
      if (running.length < 5 && next < 40) {
        if (position.deliver(next) && !running.includes(next)) running.push(next);
        next += 1;
      } else {
        const done = running[random.below(running.length)];
        if (done === undefined) next = position.resumeAt ?? 0;
        else {
          running = running.filter((one) => one !== done);
          handled.set(done, (handled.get(done) ?? 0) + 1);
          position.settle(done);
        }
      }
      for (let offset = 0; offset <= (position.handled ?? -1); offset += 1)
        assert.ok(handled.has(offset), `seed ${seed}: ${offset} is passed but not handled`);
    }
    assert.equal(
      [...handled.values()].filter((times) => times !== 1),
      [],
      `seed ${seed}`,
    );
  }
});

test.run();
