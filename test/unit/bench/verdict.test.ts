import { SaxesParser } from 'saxes';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { baselineIn, compared, differencesOf } from '../../../src/bench/baseline.ts';
import { chartOf } from '../../../src/bench/chart.ts';
import { nothing, type Part, sumOf } from '../../../src/bench/figures.ts';
import { resultOf, Seconds, summaryOf } from '../../../src/bench/result.ts';
import { brokenThresholds, verdictsOf } from '../../../src/bench/verdict.ts';
import { parseThreshold, type Threshold } from '../../../src/config/config.ts';
import { failure } from '../../support/failure.ts';

const threshold = (text: string): Threshold => {
  const parsed = parseThreshold(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
};

const part: Part = {
  ...nothing,
  ...{ sent: 1000, confirmed: 1000, received: 998, duplicates: 1, lost: 2, blockedMs: 100 },
  ...{ sentMs: 1000, confirmedMs: 1000, receivedMs: 2000, cpuMs: 100, elapsedMs: 1000, late: 0 },
  latency: [
    [1000, 980],
    [80_000, 18],
  ],
  confirmLatency: [[500, 1000]],
  ...{ errors: {}, firstError: undefined, failure: undefined, broker: { product: 'RabbitMQ', version: '4.3.0' } },
};

test('thresholds hold or fail by the measured values', () => {
  const result = resultOf('pipe', [part]);
  const texts = ['p50<2ms', 'p99<50ms', 'confirm-p99<=1ms', 'rate>400', 'rate>600', 'lost==0', 'lost!=0', 'cpu<50%'];
  const verdicts = verdictsOf('pipe', result, texts.map(threshold));
  assert.equal(
    verdicts.map(({ holds }) => holds),
    [true, false, true, true, false, false, true, true],
  );
  assert.is(verdicts[0]?.threshold, 'p50<2ms');
});

test('a threshold fails if its metric was not measured', () => {
  const [verdict] = verdictsOf('consume', resultOf('consume', [{ ...part, latency: [] }]), [threshold('p99<1s')]);
  assert.equal(verdict, { threshold: 'p99<1s', actual: undefined, holds: false });
});

for (const [text, fault] of [
  ['p98<50ms', /unknown metric 'p98'.*The metrics are p50, p90, p99/],
  ['p99<50', /the value of p99 must be a time with a unit/],
  ['lost==0ms', /the value of lost must be a number of messages/],
  ['p99', /must be like p99<50ms/],
  ['p99=50ms', /must be like p99<50ms/],
] as const) {
  test(`refuses the threshold ${text}`, () => assert.match(String(parseThreshold(text)), fault));
}

test('reads units and spaces', () => {
  assert.equal(threshold(' p99.9 <= 1.5s '), { text: 'p99.9 <= 1.5s', metric: 'p99.9', operator: '<=', value: 1500 });
  assert.is(threshold('p50<200us').value, 0.2);
  assert.is(threshold('rate>=10/s').value, 10);
});

test('finds thresholds that can no longer hold', () => {
  const sofar = { ...sumOf([part]), refused: 3 };
  const broken = (text: string, total: number | undefined) =>
    brokenThresholds([threshold(text)], { verb: 'pipe', sofar, total }).length === 1;
  assert.ok(broken('p99<50ms', 1000));
  // 18 slow messages are less than 1 % of 10,000.
  assert.not.ok(broken('p99<50ms', 10_000));
  assert.not.ok(broken('p99<50ms', undefined));
  assert.ok(broken('max<80ms', undefined));
  assert.not.ok(broken('max<81ms', undefined));
  assert.ok(broken('refused==0', undefined));
  assert.not.ok(broken('refused==3', undefined));
  assert.not.ok(broken('rate>1000', 1000));
});

test('reports what is worse than the baseline by more than the tolerance', () => {
  const result = resultOf('pipe', [part]);
  const baseline = baselineIn(JSON.stringify({ type: 'result', verb: 'pipe', ...result }), 'old.json');
  const worse = (changed: Partial<Part>, tolerance = 0.1) =>
    compared('pipe', resultOf('pipe', [{ ...part, ...changed }]), { baseline, tolerance })
      .filter(({ isWorse }) => isWorse)
      .map(({ metric }) => metric);
  assert.equal(worse({}), []);
  assert.equal(worse({ receivedMs: 2500 }), ['rate']);
  assert.equal(worse({ receivedMs: 2500 }, 0.3), []);
  assert.equal(worse({ latency: [[1200, 998]] }), ['p50']);
  assert.equal(worse({ lost: 3 }), ['lost']);
});

test('a file without a result is not a baseline', () => {
  for (const text of ['', '{}', '{"type":"second"}', 'text']) {
    assert.is(failure(() => baselineIn(text, 'old.json')).code, 'BAD_DATA');
  }
});

test('names the load generator as the limit', () => {
  assert.is(resultOf('pipe', [part]).limit, undefined);
  assert.match(String(resultOf('pipe', [{ ...part, cpuMs: 990 }]).limit), /99 % of a processor/);
  assert.match(String(resultOf('pipe', [{ ...part, late: 20 }]).limit), /^2 % of the messages were sent late$/);
});

test('adds up the rates of processes, and their seconds', () => {
  assert.is(resultOf('pipe', [part, part]).rates.sent, 2000);
  const seconds = new Seconds(2);
  assert.is(seconds.add({ at: 1, ...part }), undefined);
  assert.is(seconds.add({ at: 1, ...part })?.sent, 2000);
});

test('the chart is well-formed SVG with a line for each percentile', () => {
  const classes: string[] = [];
  const parser = new SaxesParser();
  parser.on('opentag', ({ name, attributes }) => {
    if (name === 'polyline') classes.push(`${attributes['class']} ${String(attributes['points']).split(' ').length}`);
  });
  parser.on('error', (error) => {
    throw error;
  });
  const latencyMs = summaryOf(part.latency);
  const samples = [1, 2, 3].map((at) => ({ at, latencyMs }));
  parser
    .write(chartOf({ title: 'pipe of <a> & "b"\u0007', subtitle: '10 messages a second, p99<5ms' }, samples))
    .close();
  assert.equal(classes, ['p50 3', 'p99 3', 'max 3']);
  parser.write(chartOf({ title: 'nothing', subtitle: 'closed loop' }, [])).close();
});

test('a stall is a gap in the chart, and the axis has the seconds', () => {
  const latencyMs = summaryOf(part.latency);
  const samples = [1, 2, 3, 4, 5, 6].map((at) => ({ at, latencyMs: at === 3 || at === 5 ? undefined : latencyMs }));
  const svg = chartOf({ title: 'pipe of orders', subtitle: '10 messages a second, p99<5ms' }, samples);
  const lines = [...svg.matchAll(/<polyline class="p50" points="([^"]+)"/g)].map(([, points = '']) =>
    points.split(' '),
  );
  assert.equal(
    lines.map((points) => points.length),
    [2],
  );
  assert.is([...svg.matchAll(/<circle class="p50"/g)].length, 2);
  assert.equal(
    [...svg.matchAll(/>(\d+ s)</g)].map(([, label]) => label),
    ['0 s', '1 s', '2 s', '3 s', '4 s', '5 s', '6 s'],
  );
  assert.match(svg, />10 messages a second, p99&lt;5ms</);
  assert.is([...svg.matchAll(/<rect class="gap"/g)].length, 2);
  assert.match(svg, />grey: no message arrived</);
});

test('the chart of a long run joins seconds, and keeps a short peak', () => {
  const latencyMs = summaryOf(part.latency);
  assert.ok(latencyMs);
  const samples = Array.from({ length: 3600 }, (_, index) => ({
    at: index + 1,
    latencyMs: index === 1800 ? { ...latencyMs, max: 9_999 } : latencyMs,
  }));
  const svg = chartOf({ title: 'pipe of orders', subtitle: 'closed loop' }, samples);
  const [, points = ''] = /<polyline class="max" points="([^"]+)"/.exec(svg) ?? [];
  const heights = points.split(' ').map((point) => Number(point.split(',')[1]));
  assert.is(heights.length, 400);
  assert.is(heights.filter((height) => height === Math.min(...heights)).length, 1);
  assert.match(svg, />each point is the largest value of 9 s</);
});

test('the chart cuts long titles', () => {
  const svg = chartOf({ title: 'pipe of '.padEnd(300, 'x'), subtitle: 'closed loop' }, []);
  assert.match(svg, />pipe of x+…</);
});

test('no threshold holds if the run ended early', () => {
  const failure = { code: 'IN_DOUBT', message: 'no answer' };
  const result = resultOf('pipe', [part, { ...part, failure }]);
  assert.equal(result.failure, failure);
  assert.not.ok(verdictsOf('pipe', result, [threshold('rate>1')])[0]?.holds);
});

test('a threshold can require that the load generator was not the limit', () => {
  const holds = (changed: Partial<Part>) =>
    verdictsOf('pipe', resultOf('pipe', [{ ...part, ...changed }]), ['late<1%', 'limited==0'].map(threshold)).map(
      ({ holds: one }) => one,
    );
  assert.equal(
    [holds({}), holds({ late: 20 }), holds({ cpuMs: 990 })],
    [
      [true, true],
      [false, false],
      [true, false],
    ],
  );
});

test('names the settings that differ from those of the baseline', () => {
  const baseline = (settings: object | undefined) =>
    baselineIn(JSON.stringify({ type: 'result', verb: 'pipe', ...resultOf('pipe', [part]), settings }), 'old.json');
  const now = { intervalMs: 1, size: 100, queueType: 'quorum', count: 10 };
  assert.equal(differencesOf(baseline({ ...now, count: 20 }), now), []);
  assert.equal(differencesOf(baseline(undefined), now), []);
  assert.equal(differencesOf(baseline({ size: 200, queueType: 'quorum', producers: 2 }), now), [
    '--rate none (now 1000/s)',
    '--size 200 (now 100)',
    '--producers 2 (now none)',
  ]);
});

test.run();
