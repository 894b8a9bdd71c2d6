// Tests the Prometheus text format: every line is valid, every metric has help and type, buckets are cumulative.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { metricsText } from '../../../src/observe/metrics.ts';
import { newCounts, observe } from '../../../src/session/counts.ts';

const gauges = { role: 'a "worker"\\', isReady: true, startedAt: 1.5, eventLoopLag: 0.25, heapBytes: 1000 };

test('each sample has help, a type, a name that begins with mq_, and a number', () => {
  const text = metricsText(newCounts(), gauges);
  assert.ok(text.endsWith('\n'));
  const known = new Map<string, string>();
  const helped = new Set<string>();
  for (const line of text.slice(0, -1).split('\n')) {
    const [, help] = /^# HELP (mq_[a-z_]+) \S.*$/.exec(line) ?? [];
    const [, typed, type = ''] = /^# TYPE (mq_[a-z_]+) (counter|gauge|histogram)$/.exec(line) ?? [];
    const [, sample = ''] = /^(mq_[a-z_]+)(?:\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"\})? \d+(?:\.\d+)?$/.exec(line) ?? [];
    if (help !== undefined) helped.add(help);
    else if (typed !== undefined) known.set(typed, type);
    else {
      const family = known.has(sample) ? sample : sample.replace(/_(bucket|sum|count)$/, '');
      assert.ok(known.has(family) && helped.has(family), line);
      assert.is(known.get(family) === 'counter', family.endsWith('_total'), line);
    }
  }
  assert.match(text, 'mq_info{role="a \\"worker\\"\\\\"} 1\n');
});

test('every count has a metric', () => {
  const counts = newCounts();
  const numbers = Object.keys(counts).filter((name) => typeof counts[name as keyof typeof counts] === 'number');
  const before = metricsText(counts, gauges);
  for (const name of numbers) {
    // `connections` and `connected` share the metric mq_connected, which is 1 only if all connections are open.
    const changed = { ...counts, connections: 1, connected: name === 'connections' ? 1 : 0 };
    const other = { ...changed, [name]: name === 'connections' ? 1 : 7 };
    assert.is.not(metricsText(other, gauges), before, name);
  }
});

test('buckets are cumulative, and the last one is the count', () => {
  const counts = newCounts();
  for (const seconds of [0.002, 0.2, 1000]) observe(counts.handlerSeconds, seconds);
  const text = metricsText(counts, gauges);
  const bucket = (bound: string) => Number(new RegExp(`_bucket\\{le="${bound}"\\} (\\d+)`).exec(text)?.[1]);
  assert.equal(['0.001', '0.005', '0.25', '300', '\\+Inf'].map(bucket), [0, 1, 2, 2, 3]);
  assert.match(text, 'mq_handler_seconds_count 3\n');
  assert.match(text, 'mq_handler_seconds_sum 1000.202\n');
});

test('mq_unconfirmed counts the messages without an outcome', () => {
  const counts = { ...newCounts(), attempted: 10, confirmed: 3, refused: 2, inDoubt: 1 };
  assert.match(metricsText(counts, gauges), 'mq_unconfirmed 4\n');
});

test.run();
