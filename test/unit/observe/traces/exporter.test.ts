// Tests the queue of spans with a collector and a clock of the test: batches, the bound, tries, and the last spans.

import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Said } from '../../../../src/context.ts';
import { SpanExporter } from '../../../../src/observe/traces/exporter.ts';
import { Collector, type Fetch } from '../../../../src/observe/traces/request.ts';
import type { Span } from '../../../../src/observe/traces/span.ts';
import { startTraces } from '../../../../src/observe/traces.ts';
import { replaceTime, type Timer, time } from '../../../../src/time.ts';

let restore = () => {};
let timers: { readonly at: number; readonly run: () => void }[] = [];
let now = 0;

test.before.each(() => {
  [timers, now] = [[], 0];
  const after = (milliseconds: number, run: () => void): Timer => {
    const entry = { at: now + milliseconds, run };
    timers.push(entry);
    const cancel = () => {
      timers = timers.filter((one) => one !== entry);
    };
    const timer: Timer = { cancel, unref: () => timer };
    return timer;
  };
  restore = replaceTime({ ...time, now: () => now, random: () => 1, after });
});

test.after.each(() => restore());

/** Lets the time pass, timer by timer. */
async function pass(milliseconds: number): Promise<void> {
  const end = now + milliseconds;
  await turn();
  for (;;) {
    const [next] = timers.filter(({ at }) => at <= end).toSorted((one, other) => one.at - other.at);
    if (!next) break;
    timers = timers.filter((one) => one !== next);
    now = next.at;
    next.run();
    await turn();
  }
  now = end;
}

/** A status, a failure, no answer, or the body of an answer with status 200. */
type Answer = number | Error | 'none' | object;

interface Trial {
  readonly exporter: SpanExporter;
  /** Number of spans of each request. */
  readonly requests: number[];
  readonly said: Said[];
  /** Adds spans. */
  add(count: number): void;
  close(limitMs?: number, abandon?: AbortSignal): Promise<void>;
}

/** Starts an exporter with a collector that answers each request with the next answer, and then with the last one. */
function trial(answers: readonly Answer[], limits: object = {}): Trial {
  const requests: number[] = [];
  const said: Said[] = [];
  const fetch: Fetch = (_, { body, signal }) => {
    const answer = answers[Math.min(requests.length, answers.length - 1)] ?? 200;
    requests.push(JSON.parse(String(body)).resourceSpans[0].scopeSpans[0].spans.length);
    if (answer instanceof Error) return Promise.reject(new TypeError('fetch failed', { cause: answer }));
    if (typeof answer === 'object') return Promise.resolve(Response.json(answer));
    if (answer !== 'none') return Promise.resolve(new Response('{}', { status: Number(answer) }));
    return new Promise((_resolve, reject) => {
      const end = () => reject(signal?.reason);
      if (signal?.aborted) end();
      else signal?.addEventListener('abort', end);
    });
  };
  const url = 'http://collector/v1/traces';
  const endpoint = { url, shown: 'http://collector', headers: new Headers(), timeoutMs: 10_000 };
  const collector = new Collector(endpoint, { resource: {}, version: '1' }, fetch);
  const exporter = new SpanExporter(collector, { most: 100, batch: 10, delayMs: 5000, ...limits }, (one) =>
    said.push(one),
  );
  return {
    ...{ exporter, requests, said },
    // A cast, because the exporter does not read a span.
    add: (count) => {
      for (let index = 0; index < count; index += 1) exporter.add({} as Span);
    },
    close: (limitMs = 60_000, abandon = new AbortController().signal) => exporter.close({ limitMs, abandon }),
  };
}

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', errno: -111 });

function lines(said: readonly Said[]): string[] {
  return said.map(({ level = 'info', message }) => `${level}: ${message}`);
}

test('sends a full batch at once, and the rest after the delay', async () => {
  const { requests, add, said } = trial([200]);
  add(25);
  await pass(0);
  assert.equal(requests, [10, 10]);
  await pass(4999);
  assert.equal(requests, [10, 10]);
  await pass(1);
  assert.equal(requests, [10, 10, 5]);
  assert.equal(said, []);
});

test('sends what waits at the end, and loses nothing', async () => {
  const { requests, add, said, close } = trial([200]);
  add(3);
  await close();
  assert.equal(requests, [3]);
  add(1); // too late, so it is not kept
  await pass(60_000);
  assert.equal([requests, said, timers], [[3], [], []]);
});

test('a dead collector costs one warning, and its spans are counted', async () => {
  const { requests, add, said, close } = trial([refused]);
  add(10);
  await pass(100_000);
  add(200);
  await pass(100_000);
  assert.ok(requests.length > 3);
  const failure = 'cannot send traces to http://collector: connection refused';
  assert.equal(lines(said), [`warn: ${failure}`]);
  await close();
  assert.equal(lines(said), [
    `warn: ${failure}`,
    `info: ${failure}; 210 spans are lost (110 because the queue of 100 spans was full)`,
  ]);
  assert.equal(said[1]?.fields, { lost: 210 });
  assert.equal(timers, []);
});

test('a short run with a dead collector has one line', async () => {
  const { requests, add, said, close } = trial([refused]);
  add(1);
  await close();
  assert.equal(requests, [1]);
  assert.equal(lines(said), ['warn: cannot send traces to http://collector: connection refused; 1 span is lost']);
});

test('tries again with longer pauses, and reports that the collector is back', async () => {
  const { requests, add, said, close } = trial([refused, 503, 429, 200]);
  add(10);
  await pass(999);
  assert.is(requests.length, 1);
  await pass(1);
  assert.is(requests.length, 2);
  await pass(2000);
  assert.is(requests.length, 3);
  await pass(4000);
  assert.equal(requests, [10, 10, 10, 10]);
  await close();
  assert.equal(lines(said).slice(1), ['info: traces are sent to http://collector again']);
});

test('does not repeat a request that the collector refuses', async () => {
  const { requests, add, said, close } = trial([401, 200]);
  add(10);
  await pass(60_000);
  assert.equal(requests, [10]);
  await close();
  assert.equal(lines(said), [
    'warn: cannot send traces to http://collector: HTTP 401',
    'info: cannot send traces to http://collector: HTTP 401; 10 spans are lost',
  ]);
});

test('does not follow a redirect, which could pass on the headers', async () => {
  const { add, said, close } = trial([307]);
  add(1);
  await close();
  assert.match(said[0]?.message ?? '', /HTTP 307; 1 span is lost$/);
});

test('the queue is bounded while a request has no answer', async () => {
  const { requests, add, said } = trial(['none', 200], { most: 30 });
  add(50);
  await pass(0);
  assert.equal(requests, [10]);
  assert.equal(lines(said), ['warn: a queue of 30 spans is full, and further spans are lost']);
  await pass(20_000);
  assert.equal(requests, [10, 10, 10, 10]);
});

test('a queue that was full is not blamed on a later failure', async () => {
  const { add, said, close } = trial(['none', 200, 200, 'none'], { most: 20 });
  add(50);
  await pass(20_000);
  const warning = 'warn: a queue of 20 spans is full, and further spans are lost';
  const lost = '30 spans are lost (30 because the queue of 20 spans was full)';
  const failure = 'cannot send traces to http://collector: no answer in time';
  const again = `info: traces are sent to http://collector again; ${lost} so far`;
  assert.equal(lines(said), [warning, again]);
  assert.equal(said[1]?.fields, { lost: 30 });
  await close();
  assert.equal(lines(said), [warning, again, `warn: ${lost}`]);
  const later = trial(['none', 200, 200, 'none'], { most: 20 });
  later.add(50);
  await pass(20_000);
  later.add(1);
  const closed = later.close(5000);
  await pass(5000);
  await closed;
  assert.is(
    lines(later.said).at(-1),
    `warn: ${failure}; 31 spans are lost (30 because the queue of 20 spans was full)`,
  );
});

test('a slow collector that keeps up again is reported', async () => {
  const { add, said } = trial([200], { most: 20 });
  add(50);
  await pass(0);
  assert.equal(lines(said), [
    'warn: a queue of 20 spans is full, and further spans are lost',
    'info: traces are sent to http://collector again; 30 spans are lost (30 because the queue of 20 spans was full) so far',
  ]);
});

test('spans that the collector does not accept are counted, with one warning', async () => {
  const partialSuccess = { rejectedSpans: '2', errorMessage: 'too\nold' };
  const { add, said, close, requests } = trial([{ partialSuccess }]);
  add(20);
  await pass(0);
  assert.equal(requests, [10, 10]);
  const warning = 'warn: the collector http://collector did not accept 2 of 10 spans: too old';
  assert.equal(lines(said), [warning]);
  await close();
  assert.equal(lines(said), [warning, 'info: 4 spans are lost (4 not accepted by the collector)']);
  assert.equal(said[1]?.fields, { lost: 4 });
});

test('a warning of the collector loses nothing', async () => {
  const { add, said, close } = trial([{ partialSuccess: { errorMessage: 'use a newer version' } }]);
  add(20);
  await close();
  assert.equal(lines(said), ['warn: the collector http://collector has a warning: use a newer version']);
});

test('a collector that never answers ends a run after two seconds', async () => {
  const { add, said, close } = trial(['none']);
  add(1);
  const closed = close();
  await pass(1999);
  assert.equal(said, []);
  await pass(1);
  await closed;
  assert.equal(lines(said), ['warn: cannot send traces to http://collector: no answer in time; 1 span is lost']);
});

test('a collector that has answered before has the whole time', async () => {
  const { add, said, close } = trial([200, 'none']);
  add(10);
  await pass(0);
  add(1);
  const closed = close(5000);
  await pass(4999);
  assert.equal(said, []);
  await pass(1);
  await closed;
  assert.is(said.length, 1);
});

test('a role waits five seconds for its last spans, or less', async () => {
  for (const [limitMs, longestMs] of [
    [25_000, 5000],
    [3000, 3000],
  ] as const) {
    const said: Said[] = [];
    let requests = 0;
    const fetch: Fetch = (_, { signal }) => {
      requests += 1;
      if (requests === 1) return Promise.resolve(new Response('{}'));
      return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)));
    };
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1' };
    const parts = { env, role: 'task', pid: 1, version: '1', say: (one: Said) => said.push(one), fetch };
    const traces = startTraces(parts);
    const tracer = traces?.tracer.on(() => ({ host: 'rabbit-1', port: 5672 }));
    const message = { exchange: '', routingKey: 'jobs', mandatory: true, body: Buffer.from('x'), properties: {} };
    const publish = () => tracer?.publish(message, () => undefined).settle({ type: 'confirmed' });
    publish();
    await pass(0);
    publish();
    const closed = traces?.close({ limitMs, abandon: new AbortController().signal });
    await pass(longestMs - 1);
    assert.equal([requests, said], [2, []]);
    await pass(1);
    await closed;
    assert.is(said.length, 1);
  }
});

test('the end of the drain time ends the last request', async () => {
  const { add, said, close } = trial([200, 'none']);
  add(10);
  await pass(0);
  add(1);
  const abandon = new AbortController();
  const closed = close(60_000, abandon.signal);
  await pass(10);
  abandon.abort();
  await closed;
  assert.is(said.length, 1);
});

test.run();
