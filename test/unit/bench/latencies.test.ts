import { createHistogram } from 'node:perf_hooks';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Latencies } from '../../../src/bench/latencies.ts';
import { randomOf, seedOf } from '../../support/random.ts';

const seed = seedOf('MQ_BENCH_SEED');

test('has the percentiles of node:perf_hooks, to 0.1 %', () => {
  const random = randomOf(seed);
  const [own, node] = [new Latencies(), createHistogram({ figures: 3 })];
  for (let count = 0; count < 20_000; count += 1) {
    const us = Math.max(1, Math.round(10 ** (random.below(7_000) / 1000)));
    own.record(us / 1000);
    node.record(us);
  }
  for (const percent of [50, 90, 99, 99.5, 99.9, 100]) {
    const [mine, theirs] = [own.percentileMs(percent) * 1000, node.percentile(percent)];
    assert.ok(Math.abs(mine - theirs) <= theirs / 500 + 1, `p${percent}: ${mine} and ${theirs}, seed ${seed}`);
  }
  // The largest value of node:perf_hooks is that of its bucket.
  assert.ok(Math.abs(own.maxMs * 1000 - node.max) <= node.max / 500);
});

test('the counts of several histograms can be added up', () => {
  const [all, one, other] = [new Latencies(), new Latencies(), new Latencies()];
  for (let us = 0; us < 100_000; us += 7) {
    all.record(us / 1000);
    (us % 2 === 0 ? one : other).record(us / 1000);
  }
  const sum = new Latencies();
  sum.add(one.counts());
  sum.add(other.counts());
  assert.equal(sum.counts(), all.counts());
  assert.is(sum.total, all.total);
});

test('counts the values above a limit, and not the limit', () => {
  const latencies = new Latencies();
  for (const ms of [1, 50, 50, 51, 900]) latencies.record(ms);
  assert.is(latencies.countAbove(50), 2);
  assert.is(latencies.countAbove(1000), 0);
});

test('an empty histogram has no percentile, and reset empties one', () => {
  const latencies = new Latencies();
  assert.ok(Number.isNaN(latencies.percentileMs(99)));
  latencies.record(5);
  assert.is(latencies.percentileMs(99), 5);
  latencies.reset();
  assert.equal([latencies.total, latencies.counts()], [0, []]);
});

test('a latency that exceeds the limit is counted in the last bucket', () => {
  const latencies = new Latencies();
  latencies.record(2 ** 40);
  assert.is(latencies.total, 1);
  assert.ok(latencies.maxMs > 2_000_000);
});

test.run();
