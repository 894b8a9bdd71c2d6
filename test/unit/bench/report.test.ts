import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nothing, type Part } from '../../../src/bench/figures.ts';
import type { Load } from '../../../src/bench/load.ts';
import { resultLines } from '../../../src/bench/report.ts';
import { resultOf } from '../../../src/bench/result.ts';

const load: Load = {
  ...{ verb: 'pipe', intervalMs: 2, warmUpMs: 0, durationMs: 1000, count: undefined, producers: 1, consumers: 1 },
  ...{ size: 100, window: 256, prefetch: 256, persistent: true, routingKey: undefined, publications: [] },
  ...{ subscriptions: [], ownQueues: [], vhost: '/', acceptsAll: false, replyTimeoutMs: 0, drainMs: 0 },
};

const part: Part = {
  ...nothing,
  ...{ sent: 500, confirmed: 500, received: 499, sentMs: 1000, confirmedMs: 1000, receivedMs: 1000, elapsedMs: 1000 },
  ...{ lost: 1, cpuMs: 100, late: 50, errors: { REFUSED: 2 }, firstError: undefined, failure: undefined },
  latency: [[186_500, 499]],
  confirmLatency: [[123, 500]],
  broker: { product: 'RabbitMQ', version: '4.3.6' },
};

test('the result of pipe fits into 80 columns', () => {
  const verdicts = [
    { threshold: 'p99<50us', actual: 186.5, holds: false },
    { threshold: 'received-rate>100', actual: 499, holds: true },
    { threshold: 'cpu<80%', actual: 10, holds: true },
    { threshold: 'max<1s', actual: undefined, holds: false },
  ];
  const comparisons = [
    { metric: 'rate', before: 1000, after: 499, isWorse: true },
    { metric: 'p99.9', before: 200, after: 186.5, isWorse: false },
    { metric: 'lost', before: 1, after: 1, isWorse: false },
  ];
  const target = '1 quorum queue of mq bench';
  const lines = resultLines({ load, target, result: resultOf('pipe', [part]), verdicts, comparisons });
  assert.equal(lines, [
    'pipe of 1 quorum queue of mq bench',
    '  open schedule, 500 messages a second; latency from the scheduled time',
    '  sent              500          500/s',
    '  confirmed         500          500/s',
    '  received          499          499/s',
    '  lost 1, duplicates 0, refused 0, in doubt 0',
    '  ms               p50       p90       p99     p99.5     p99.9       max',
    '  latency        186.5     186.5     186.5     186.5     186.5     186.5',
    '  confirm        0.123     0.123     0.123     0.123     0.123     0.123',
    '  the broker blocked publishing for 0 ms; mq used 10 % of a processor',
    '  the load generator was the limit: 10 % of the messages were sent late',
    '  2 failed with REFUSED',
    '  FAILS  p99<50us  (measured 186.5 ms)',
    '  holds  received-rate>100  (measured 499/s)',
    '  holds  cpu<80%  (measured 10 %)',
    '  FAILS  max<1s  (nothing was measured)',
    '  WORSE  rate  1000/s before, 499/s now',
    '  ok     p99.9  200 ms before, 186.5 ms now',
    '  ok     lost  1 before, 1 now',
  ]);
  assert.ok(lines.every((line) => line.length <= 80));
});

test.run();
