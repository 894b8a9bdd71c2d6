// Tests that a collector sees one trace over all steps of a message, and that a dead collector costs one warning.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startCollector } from '../support/collector.ts';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';

const roles = await testRoles();
const collector = await startCollector();
test.after.each(roles.killLeft);
test.after(async () => {
  collector.close();
  await roles.end();
});

const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
const cwd = emptyFolder({ 'rascal.json': JSON.stringify({ mq: { retry: { attempts: 2, delays: [50] } } }) });

/** Returns the spans of a trace, with the parent of each, in the order of the steps. */
function traceOf(traceId: string | undefined): string[] {
  const spans = collector.spans.filter((span) => span.traceId === traceId);
  const first = spans.filter(({ parentSpanId }) => !spans.some(({ spanId }) => spanId === parentSpanId));
  const below = (spanId: string | undefined, depth: number): string[] =>
    spans
      .filter(({ parentSpanId }) => parentSpanId === spanId)
      .flatMap((span) => [`${depth} ${span.service}: ${span.name}`, ...below(span.spanId, depth + 1)]);
  return first.flatMap((span) => [`0 ${span.service}: ${span.name}`, ...below(span.spanId, 1)]);
}

/** Returns the id of the trace whose first span has this name. */
function traceIdOf(name: string): string | undefined {
  return collector.spans.findLast((span) => span.name === name)?.traceId;
}

test('one trace has publish, process, retry, dead letter and replay', async () => {
  const exec = 'echo "$TRACEPARENT"; exit 75';
  const worker = await roles.receiver(['worker', '--count', '2', '--exec', 'sh', '-c', exec], { cwd, env: traced });
  await roles.run(['task', 'x'], { env: traced });
  const { stdout } = await worker.ended;
  await roles.run(['dlq', 'replay', 'task'], { cwd, env: { ...traced, OTEL_SERVICE_NAME: 'replay' } });
  const [again] = await roles.take('task_queue', 1);
  const traceId = traceIdOf('publish task_queue');
  assert.equal(traceOf(traceId), [
    '0 mq-task: publish task_queue',
    '1 mq-worker: process task_queue',
    '2 mq-worker: retry task_queue.retry.50',
    '3 mq-worker: process task_queue',
    '4 mq-worker: dead-letter task_queue.dead',
    '5 replay: publish task_queue',
  ]);
  const processed = collector.spans.filter((span) => span.name === 'process task_queue' && span.traceId === traceId);
  assert.equal(
    processed.map(({ spanId }) => `00-${traceId}-${spanId}-01`),
    lines(stdout),
  );
  assert.equal(
    processed.map(({ attributes, status }) => [attributes['mq.attempt'], attributes['mq.outcome'], status?.message]),
    [
      ['1', 'retried', 'exit status 75'],
      ['2', 'dead-lettered', 'exit status 75'],
    ],
  );
  assert.ok(String(again?.properties.headers?.['traceparent']).startsWith(`00-${traceId}-`));
});

test('the span of a call names what happened to the message', async () => {
  for (const [onFail, outcome] of [
    ['drop', 'dropped'],
    ['exit', 'requeued'],
  ] as const) {
    await roles.run(['task', 'x'], { env: traced });
    const count = onFail === 'drop' ? ['--count', '1'] : [];
    await roles.run(['worker', ...count, '--on-fail', onFail, '--exec', 'false'], { env: traced });
    const span = collector.spans.findLast(({ name }) => name === 'process task_queue');
    assert.equal([span?.attributes['mq.outcome'], span?.attributes['error.type']], [outcome, 'retry']);
  }
  await roles.run(['worker', '--until-empty', '--quiet', '--exec', 'true'], { env: traced });
  const span = collector.spans.findLast(({ name }) => name === 'process task_queue');
  assert.is(span?.attributes['mq.outcome'], 'ack');
});

test('a request, its handler and its reply are in the trace of the caller', async () => {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const server = await roles.receiver(['rpc-server'], { env: traced });
  const caller = { TRACEPARENT: `00-${traceId}-b7ad6b7169203331-01` };
  const { stdout } = await roles.run(['rpc-client', '5'], { env: { ...traced, ...caller } });
  assert.is(stdout, '5\n');
  await server.stop();
  assert.equal(traceOf(traceId), [
    '0 mq-rpc-client: publish rpc_queue',
    '1 mq-rpc-server: process rpc_queue',
    '2 mq-rpc-server: reply',
  ]);
});

test('--exec-lines and --handler receive the context of their span', async () => {
  const log = 'export default ({ headers }) => console.log(headers.traceparent);';
  const folder = emptyFolder({ 'log.mjs': log, 'rascal.json': '{}' });
  const program =
    'while read -r line; do echo "$line" >&2; id=${line#*:}; echo "{\\"id\\":${id%%,*},\\"outcome\\":\\"ack\\"}"; done';
  for (const handler of [
    ['--handler', 'log.mjs'],
    ['--exec-lines', 'sh', '-c', program],
  ]) {
    await roles.run(['task', 'x'], { env: traced });
    const args = ['worker', '--count', '1', '--quiet', ...handler];
    const { stdout, stderr } = await roles.run(args, { cwd: folder, env: traced });
    const span = collector.spans.findLast(({ name }) => name === 'process task_queue');
    assert.ok(`${stdout}${stderr}`.includes(`00-${span?.traceId}-${span?.spanId}-01`), `${stdout}${stderr}`);
  }
});

test('a dead collector costs one warning, and no message', async () => {
  const dead = await startCollector();
  dead.close();
  const address = `${dead.url.replace('//', '//user:password@')}/password`;
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: address, OTEL_BSP_SCHEDULE_DELAY: '0' };
  const log = ['--log', 'json'];
  const sent = await roles.run(['task', '--lines', ...log], { env, input: 'x\n'.repeat(20) });
  const worker = await roles.run(['worker', '--until-empty', ...log, '--exec', 'true'], { env });
  assert.equal([sent.status, worker.status], [0, 0]);
  assert.match(worker.stderr, /"event":"summary".*"acked":20/, worker.stderr);
  for (const { stderr } of [sent, worker]) {
    const warnings = lines(stderr).filter((line) => /"level":"warn".*"event":"traces"/.test(line));
    assert.is(warnings.length, 1, stderr);
    assert.ok(warnings[0]?.includes(`cannot send traces to ${dead.url}: connection refused`), stderr);
    assert.match(stderr, /"lost":20/);
    assert.not.match(stderr, /password/);
  }
});

test('another protocol has a clear answer, and the message is sent', async () => {
  const env = { ...traced, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  const { status, stderr } = await roles.run(['task', 'x'], { env });
  assert.is(status, 0);
  assert.match(
    stderr,
    /^mq task: traces are off: mq sends them as http\/json, and OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc'/,
  );
  assert.is((await roles.take('task_queue', 1)).length, 1);
});

test.run();
