import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nothing, type Second } from '../../../src/bench/figures.ts';
import { Seconds } from '../../../src/bench/result.ts';

const second = (at: number, sent: number): Second => ({ ...nothing, at, sent, latency: [], confirmLatency: [] });
const shown = ({ at, sent }: Second) => [at, sent];

test('adds up the seconds of all processes', () => {
  const seconds = new Seconds(2);
  assert.is(seconds.add(second(1, 10)), undefined);
  assert.equal(shown(seconds.add(second(1, 20)) ?? second(0, 0)), [1, 30]);
  assert.equal(seconds.rest(), []);
});

test('the last second of a process may be shorter than that of the others', () => {
  const seconds = new Seconds(2);
  assert.is(seconds.add(second(2, 2)), undefined);
  assert.equal(shown(seconds.add(second(1.5, 3)) ?? second(0, 0)), [2, 5]);
});

test('keeps the seconds of a process that ends later than the others', () => {
  const seconds = new Seconds(2);
  for (const one of [second(5, 1), second(4, 6)]) assert.is(seconds.add(one), undefined);
  assert.equal(seconds.rest().map(shown), [
    [4, 6],
    [5, 1],
  ]);
  assert.equal(seconds.rest(), []);
});

test.run();
