// Tests metrics, readiness, the JSON log and the summary of a role, and the trace of a message.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, type MqOptions, mq, type RunningMq } from '../support/mq.ts';
import { assertRefused } from '../support/refusal.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const account = await roles.account();

const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

type Entry = Readonly<Record<string, unknown>> & { readonly event: string; readonly message: string };

/** Parses the lines of --log json. */
function entries(stderr: string, event?: string): Entry[] {
  const all = lines(stderr).map((line) => JSON.parse(line) as Entry);
  return event === undefined ? all : all.filter((entry) => entry.event === event);
}

async function observed(args: readonly string[], given: MqOptions = {}): Promise<{ running: RunningMq; url: string }> {
  const options = ['--metrics', '0', '--log', 'json'];
  const [role = '', ...rest] = args;
  const running = await roles.receiver([role, ...options, ...rest], given);
  const [entry] = entries(running.stderr().replace(/[^\n]*$/, ''), 'metrics');
  return { running, url: String(entry?.['url']) };
}

async function page(url: string): Promise<[status: number, text: string]> {
  const response = await fetch(url);
  return [response.status, await response.text()];
}

async function metric(url: string, name: string): Promise<number> {
  const [, text] = await page(`${url}/metrics`);
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

test('a worker is ready with its consumer, and counts messages', async () => {
  const exec = 'case $(cat) in good) ;; bad) exit 3 ;; *) exit 75 ;; esac';
  // A retried message must not return during another test.
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify({ mq: { retry: { attempts: 3, delays: [600_000] } } }) });
  const { running, url } = await observed(['worker', '--exec', 'sh', '-c', exec], { cwd });
  await until('ready', async () => (await page(`${url}/readyz`))[0] === 200);
  assert.equal(await page(`${url}/healthz`), [200, 'ok\n']);
  const healthy = await mq(['health', new URL(url).port]);
  assert.equal([healthy.status, healthy.stdout], [0, 'ready\n']);
  await roles.runHere(['task', '--lines'], { input: 'good\ngood\nbad\nagain\n' });
  await until('the retry is counted', async () => (await metric(url, 'mq_retried_total')) >= 1);
  await until('both messages are counted', async () => (await metric(url, 'mq_acked_total')) === 2);
  assert.is(await metric(url, 'mq_dead_lettered_total'), 1);
  assert.is(await metric(url, 'mq_consumers'), 1);
  assert.is(await metric(url, 'mq_connected'), 1);
  assert.is(await metric(url, 'mq_handler_seconds_count'), 4);
  assert.is((await running.stop()).status, 0);
  await roles.deleteQueue('task_queue.retry.600000');
  await roles.deleteQueue('task_queue.dead');
});

test('log, metrics and readiness show a lost connection and its return', async () => {
  const { running, url } = await observed(['receive-logs'], { env: account.env });
  await until('ready', async () => (await page(`${url}/readyz`))[0] === 200);
  await account.closeConnections(1);
  await until('the loss is counted', async () => (await metric(url, 'mq_connections_lost_total')) === 1);
  await running.prints(/"event":"connected"/, 'stderr');
  await until('ready again', async () => (await page(`${url}/readyz`))[0] === 200);
  assert.is(await metric(url, 'mq_reconnects_total'), 1);
  await roles.runHere(['emit-log', 'after it']);
  await running.prints(/after it/);
  const { stderr } = await running.stop();
  assert.is(entries(stderr, 'lost').length, 1);
  assert.is(entries(stderr, 'lost')[0]?.['level'], 'warn');
});

test('a publisher is ready while it can publish', async () => {
  const running = roles.start(['emit-log', '--no-mandatory', '--lines', '--metrics', '0', '--log', 'json']);
  const [, url = ''] = /"url":"([^"]+)"/.exec(await running.prints(/"event":"metrics".*\n/, 'stderr')) ?? [];
  await until('ready', async () => (await page(`${url}/readyz`))[0] === 200);
  running.stdin.write('one\ntwo\n');
  await until('both messages are confirmed', async () => (await metric(url, 'mq_confirmed_total')) === 2);
  running.stdin.end();
  const { status, stderr } = await running.ended;
  assert.is(status, 0);
  const [summary] = entries(stderr, 'summary');
  assert.equal([summary?.['attempted'], summary?.['confirmed'], summary?.['resume']], [2, 2, 2]);
});

test('a port in use ends the role before a delivery', async () => {
  const { running, url } = await observed(['worker']);
  const { host, port } = new URL(url);
  const refused = await roles.run(['worker', '--metrics', port]);
  assertRefused(refused, {
    exit: 71,
    line: new RegExp(
      `^mq worker: cannot serve metrics on ${host.replaceAll('.', '\\.')}: address already in use \\[SYSTEM\\]$`,
    ),
    hint: /another port/,
  });
  await running.stop();
  const unhealthy = await mq(['health', port]);
  assert.is(unhealthy.status, 1);
  assert.match(unhealthy.stderr, /is not ready: connection refused \[ANSWER_NO\]/);
});

test('a repeated cause is logged ten times a minute, then counted', async () => {
  const exec = 'exit 75';
  const mqSettings = { retry: { attempts: 1, delays: [1] } };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify({ mq: mqSettings }) });
  const { running } = await observed(['worker', '--count', '60', '--exec', 'sh', '-c', exec], { cwd });
  await roles.runHere(['task', '--lines'], { input: 'no\n'.repeat(60) });
  const { status, stderr } = await running.ended;
  assert.is(status, 0);
  const said = entries(stderr, 'dead-letter');
  assert.is(said.length, 10);
  assert.is(said.at(-1)?.['repeated'], 51);
  const [summary] = entries(stderr, 'summary');
  assert.equal([summary?.['received'], summary?.['deadLettered'], summary?.['acked']], [60, 60, 0]);
  await roles.deleteQueue('task_queue.dead');
});

test('--log json makes every line of stderr an object', async () => {
  const { running } = await observed(['worker', '--exec', 'sh', '-c', 'echo "to stderr" >&2']);
  await roles.runHere(['task', 'x']);
  await running.prints(/to stderr/, 'stderr');
  const said = entries((await running.stop()).stderr);
  assert.equal(
    // `stopping` is logged only if the handler is still running at the signal.
    said.map(({ event }) => event).filter((event) => event !== 'stopping'),
    ['metrics', 'consuming', 'handler', 'summary'],
  );
  for (const { time, level, role } of said) assert.ok(time && level && role === 'worker');

  const failed = await roles.runHere(['task', '--log', 'json', '--lines', '--url', 'amqp://127.0.0.1:1'], {
    input: 'a\n',
  });
  const [summary, error] = entries(failed.stderr);
  assert.equal([summary?.event, summary?.['resume']], ['summary', 0]);
  assert.equal(
    [error?.event, error?.['level'], error?.['code'], error?.['exit']],
    ['error', 'error', 'UNAVAILABLE', 69],
  );
});

test('a failed run prints its summary before the error', async () => {
  const { status, stderr } = await roles.runHere(['publish', 'hello', '--lines', '--routing-key', 'nowhere'], {
    input: 'one\ntwo\n',
  });
  assert.is(status, 67);
  const [summary = '', error = ''] = lines(stderr);
  assert.match(summary, /^messages: 0 of 2 confirmed, 2 refused \(.*\); --skip 0 continues$/);
  assert.match(error, /\[UNROUTABLE\]$/);
});

test('--skip skips the first lines', async () => {
  const { status, stdout } = await roles.runHere(['task', '--lines', '--skip', '2', '--json'], {
    input: '1\n2\n3\n4\n',
  });
  assert.is(status, 0);
  assert.equal(
    lines(stdout).map((line) => JSON.parse(line).number),
    [3, 4],
  );
  assert.equal(
    (await roles.take('task_queue', 2)).map(({ payload }) => payload),
    ['3', '4'],
  );
  assertRefused(await roles.runHere(['task', '--skip', '2', 'text']), {
    exit: 64,
    line: /--skip counts lines: it requires --lines/,
    hint: /--help/,
  });
});

test('a trace is passed to the handler, to retries and to dead letters', async () => {
  const mqSettings = { retry: { attempts: 2, delays: [50] } };
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify({ mq: mqSettings }) });
  const exec = 'echo "$TRACEPARENT $TRACESTATE"; exit 75';
  const worker = await roles.receiver(['worker', '--count', '2', '--exec', 'sh', '-c', exec], { cwd });
  await roles.runHere(['task', 'x'], { env: { TRACEPARENT: trace, TRACESTATE: 'vendor=1' } });
  assert.equal(lines((await worker.ended).stdout), [`${trace} vendor=1`, `${trace} vendor=1`]);
  const [dead] = await roles.take('task_queue.dead', 1);
  assert.is(dead?.properties.headers?.['traceparent'], trace);
});

test('a trace is passed to the reply, and an invalid one is ignored', async () => {
  const server = await roles.receiver(['rpc-server']);
  const ask = async (env: Record<string, string>, ...options: string[]) => {
    const { stdout } = await roles.runHere(['rpc-client', '--json', ...options, '5'], { env });
    return JSON.parse(stdout).headers.traceparent;
  };
  const other = trace.replace(/1$/, '0');
  assert.is(await ask({ TRACEPARENT: trace }), trace);
  assert.is(await ask({ TRACEPARENT: trace }, '--header', `traceparent=${other}`), other);
  assert.is(await ask({ TRACEPARENT: 'nonsense' }), undefined);
  await server.stop();
});

test('a role reports a lost connection and its return once', async () => {
  const { running } = await observed(['worker', '--exec', 'true'], { env: account.env });
  await account.closeConnections(2);
  await running.prints(/"event":"connected"/, 'stderr');
  const { stderr } = await running.stop();
  assert.equal([entries(stderr, 'lost').length, entries(stderr, 'connected').length], [1, 1]);
  assert.equal(entries(stderr, 'interrupted'), []);
});

test('log lines of a handler name the message, and debug logs successes', async () => {
  const input = 'one\ntwo\n';
  await roles.runHere(['task', '--lines', '--property', 'type=x'], { input });
  const exec = ['--exec', 'sh', '-c', 'echo "in $(cat)" >&2; printf unfinished >&2'];
  const { status, stderr } = await roles.run([
    'worker',
    '--count',
    '2',
    '--log',
    'json',
    '--log-level',
    'debug',
    ...exec,
  ]);
  assert.is(status, 0);
  const handled = entries(stderr, 'handled');
  assert.is(handled.length, 2);
  for (const { messageId, queue, attempt, milliseconds, level } of handled) {
    assert.equal([queue, attempt, typeof milliseconds, level], ['task_queue', 1, 'number', 'debug']);
    const own = entries(stderr, 'handler').filter((entry) => entry['messageId'] === messageId);
    assert.match(own.map(({ message }) => message).join(), /^in (one|two),unfinished$/);
    assert.equal(
      own.map((entry) => [entry['queue'], entry['attempt']]),
      [
        ['task_queue', 1],
        ['task_queue', 1],
      ],
    );
  }
});

test('text log lines name the message if several are handled at once', async () => {
  await roles.runHere(['task', '--property', 'message-id=m1', 'x']);
  await roles.runHere(['task', '--property', 'message-id=m2', 'x']);
  const exec = ['--exec', 'sh', '-c', 'echo first >&2; echo second >&2'];
  const { stderr } = await roles.run(['worker', '--count', '2', '--concurrency', '2', ...exec]);
  const said = lines(stderr).filter((line) => !line.startsWith('waiting'));
  assert.equal(said.toSorted(), ['m1: first', 'm1: second', 'm2: first', 'm2: second']);
});

test('the first signal reports running work and the effect of a second one', async () => {
  await roles.runHere(['task', 'x']);
  const worker = await roles.receiver(['worker', '--drain', '1m', '--exec', 'sh', '-c', 'echo begun >&2; sleep 600']);
  await worker.prints(/begun/, 'stderr');
  worker.kill('SIGTERM');
  await worker.prints(/^stopping: 1 message in hand, up to 60 s; a second signal hands it back$/m, 'stderr');
  worker.kill('SIGTERM');
  assert.is((await worker.ended).status, 143);
  await roles.run(['worker', '--count', '1', '--exec', 'true']);
});

test.run();
