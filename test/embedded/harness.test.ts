// Runs test files that use the fixtures of mq/test, on the embedded broker that mq test starts for each file and on a
// broker at an address.

import { resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, type MqResult, mq, startMq } from '../support/mq.ts';
import { until } from '../support/until.ts';
import { type TestVhost, testVhost } from '../support/vhost.ts';

const config = JSON.stringify({
  vhosts: {
    '/': {
      exchanges: { orders: { type: 'topic' }, dead: { type: 'fanout' } },
      queues: {
        billing: { options: { arguments: { 'x-message-ttl': 3_600_000, 'x-dead-letter-exchange': 'dead' } } },
        audit: {},
        morgue: {},
      },
      bindings: { 'orders[order.paid] -> billing': {}, 'orders[order.#] -> audit': {}, 'dead -> morgue': {} },
    },
  },
  publications: { orders: { exchange: 'orders' }, graves: { queue: 'morgue' } },
  subscriptions: { billing: { queue: 'billing' }, audit: { queue: 'audit' }, morgue: { queue: 'morgue' } },
});

/** Runs one test file in a folder with the configuration. */
function run(text: string, args: readonly string[] = []): Promise<MqResult> {
  const cwd = emptyFolder({ 'rascal.json': config, 'a.test.ts': text });
  return mq(['test', ...args], { cwd });
}

const everything = `
import { assert, broker, clock, cluster, eventually, expectMessage, listen, publish, request, role, test } from 'mq/test';

test('a message is routed to both queues', async () => {
  const sent = await publish('orders', { id: 7, sum: 12 }, { routingKey: 'order.paid', headers: { try: 1 } });
  assert.equal([sent.outcome, sent.exchange, sent.routingKey], ['confirmed', 'orders', 'order.paid']);
  assert.equal((await expectMessage('billing', { id: 7 })).json(), { id: 7, sum: 12 });
  await expectMessage('audit', { headers: { try: 1 }, body: { sum: 12 }, fields: { routingKey: /paid$/ } });
});
test('a message that does not match is kept for the next call', async () => {
  await publish('orders', 'one', { routingKey: 'order.open' });
  await publish('orders', 'two', { routingKey: 'order.open' });
  await expectMessage('audit', 'two');
  await expectMessage('audit', 'one');
});
test('the clock advances by an hour', async () => {
  await publish('orders', 'late', { routingKey: 'order.paid' });
  await clock.advance(3_600_000);
  assert.is((await expectMessage('morgue', 'late')).headers['x-first-death-reason'], 'expired');
  await expectMessage('audit', 'late');
});
let pid = 0;
test('a role answers', async () => {
  pid = (await role('rpc-server')).pid;
  assert.is((await request('rpc', '20')).text, '6765');
});
test('a role is stopped after its test', () => assert.throws(() => process.kill(pid, 0), /ESRCH/));
test('a fanout reaches its listeners', async () => {
  await listen('logs');
  await publish('logs', 'info');
  await expectMessage('logs', 'info');
});
test('a cluster is missing', () => cluster.kill(0));
test('the broker has a URL', () => assert.match(broker.url, /^amqp:/));
test('eventually', async () => assert.is(await eventually('three', (() => { let n = 0; return () => ++n > 2 && n; })()), 3));
`;

const fixtures = suite('the fixtures of mq/test');

fixtures('work on the embedded broker, and skip tests that it cannot run', async () => {
  const { status, stdout, stderr } = await run(everything);
  assert.is(status, 0, stdout + stderr);
  assert.match(stdout, /skipped "a cluster is missing": needs a cluster in containers; the target is embedded\n/);
  assert.match(stdout, /\n8 passed, 0 failed, 1 skipped\n$/);
});

/** The first test leaves messages in queues, in inboxes, with killed roles and in dead-letter queues. */
const isolated = `
import { assert, deadLetter, expectMessage, listen, publish, role, suite, test } from 'mq/test';
const both = suite('both');
both.before(() => listen('morgue'));
both('one', async () => {
  await publish('orders', 'left', { routingKey: 'order.paid' });
  await publish('orders', 'taken', { routingKey: 'order.open' });
  await expectMessage('audit', 'taken');
  await publish('graves', 'left');
  await role('worker', ['--on-fail', 'dead-letter', '--exec', 'sh', '-c', 'exit 9']);
  await publish('task', 'one');
  await publish('task', 'two');
  assert.match(String((await deadLetter('worker', 'two', { within: 20_000 })).headers['x-mq-reason']), /exit status 9/);
  const killed = await role('subscribe', ['billing', '--exec', 'sleep', '60']);
  killed.kill('SIGKILL');
  await killed.ended;
});
both('two', async () => {
  const queues = ['task_queue', 'task_queue.dead', 'audit', 'morgue'].map((queue) => ({ queue }));
  await Promise.all(['billing', 'audit', ...queues].map(async (source) => {
    const found = await expectMessage(source, undefined, { within: 300 }).catch(({ message }) => message);
    assert.match(String(found), /it received no message/);
  }));
  await expectMessage('morgue', undefined, { within: 50 }).then(assert.unreachable, () => {});
});
both.run();
`;

fixtures('a test receives no message of the previous test', async () => {
  const { status, stdout } = await run(isolated);
  assert.is(status, 0, stdout);
  assert.match(stdout, /\n2 passed, 0 failed\n$/);
});

fixtures('the clock waits for roles, so that a message has all its attempts', async () => {
  const { status, stdout } = await run(`
import { assert, clock, deadLetter, publish, role, test } from 'mq/test';
test('makes all attempts', async () => {
  const worker = await role('worker', ['--exec', 'sh', '-c', 'echo run >&2; exit 9']);
  await publish('task', 'x');
  await clock.advance(3_600_000);
  const runs = worker.stderr().split('\\n').filter((line) => line === 'run');
  const { headers } = await deadLetter('worker', 'x');
  assert.is(runs.length, headers['x-mq-attempt']);
  assert.ok(runs.length > 1);
});
test('stops waiting after the time limit', async () => {
  await role('worker', ['--exec', 'sleep', '60']);
  await publish('task', 'x');
  await clock.advance(1000, { within: 200 }).then(assert.unreachable, ({ message }) =>
    assert.match(message, /the roles were not idle within 200 ms: "mq worker consume .*" has 1 unacknowledged message$/));
  await clock.advance(1000, { within: 0 });
});
`);
  assert.is(status, 0, stdout);
});

fixtures('waits for a missing queue, and names it', async () => {
  const { status, stdout } = await run(`
import { expectMessage, test } from 'mq/test';
test('waits', () => expectMessage({ queue: 'nowhere' }, 'x', { within: 100 }));
`);
  assert.is(status, 1);
  assert.match(stdout, /the queue "nowhere" did not exist within 100 ms/);
});

fixtures('a role started by a before hook runs as long as the suite', async () => {
  const { status, stdout } = await run(`
import { assert, request, role, suite } from 'mq/test';
const rpc = suite('rpc');
rpc.before(async () => void (await role('rpc-server')));
rpc('one', async () => assert.is((await request('rpc', '10')).text, '55'));
rpc('two', async () => assert.is((await request('rpc', '11')).text, '89'));
`);
  assert.is(status, 0, stdout);
});

fixtures('a role is ready with every log format and level', async () => {
  const { status, stdout } = await run(`
import { assert, role, test } from 'mq/test';
for (const log of [['--log', 'json'], ['--log-level', 'error'], ['--log', 'json', '--log-level', 'error']]) {
  test(log.join(' '), async () => {
    const worker = await role('worker', [...log, '--exec', 'true'], { within: 25_000 });
    assert.is((await worker.stop()).status, 0);
  });
}
`);
  assert.is(status, 0, stdout);
});

fixtures('a role that fails also fails the test, with its error', async () => {
  const { status, stdout } = await run(`
import { role, test } from 'mq/test';
test('misspells', () => role('worker', ['--moon']));
`);
  assert.is(status, 1);
  assert.match(stdout, /"misspells"\n +mq worker --moon ended with 64: [^\n]*\n/);
  assert.match(stdout, / {4}stderr of its roles:\n {6}mq worker --moon:\n {8}mq worker: there is no option --moon/);
});

fixtures('the stderr of a role is in the failure and in the JUnit report', async () => {
  const { status, stdout } = await run(
    `
import { expectMessage, publish, role, test } from 'mq/test';
test('bills', async () => {
  const worker = await role('worker', ['--exec', 'sh', '-c', 'echo no such customer >&2; exit 9']);
  await publish('task', 'x');
  await worker.prints(/customer/, { on: 'stderr' });
  await expectMessage('billing', 'x', { within: 50 });
});
`,
    ['--report', 'junit'],
  );
  assert.is(status, 1);
  assert.match(stdout, /name="bills" time="[\d.]+" file="a\.test\.ts" line="3">/);
  assert.match(stdout, /<system-out>mq worker --exec sh[\s\S]*no such customer[\s\S]*<\/system-out>\n<\/testcase>/);
});

fixtures('fixtures outside a run throw a clear error', async () => {
  const { status, stdout } = await run(`import { publish } from 'mq/test';\nawait publish('orders', 'x');`);
  assert.is(status, 1);
  assert.match(stdout, /publish can only be used in a test or a hook that `mq test` runs/);
});

fixtures('a missing message: prints other messages, a diff and the route', async () => {
  const { status, stdout } = await run(`
import { expectMessage, publish, test } from 'mq/test';
test('waits', async () => {
  await publish('orders', { id: 8, sum: 12 }, { routingKey: 'order.open' });
  await expectMessage('audit', { id: 9 }, { within: 3_000 });
});
`);
  assert.is(status, 1);
  const report = stdout
    .replace(/\(0 passed, 1 failed, \d+ ms\)/, '(0 passed, 1 failed)')
    .split('\n')
    .slice(2, -3);
  assert.equal(report.slice(0, -2), [
    '  "waits"',
    '    the subscription "audit" received no matching message within 3000 ms',
    '    it received one other message:',
    '      "{\\"id\\":8,\\"sum\\":12}" (exchange "orders", key "order.open")',
    '    published to the exchange "orders" with the key "order.open"',
    '      matched "order.#": orders → queue audit',
    '      routed to the queue "audit" (now 0 ready, 1 unacknowledged)',
    '      ··{',
    '      Actual:',
    '      --··"id":·8',
    '      Expected:',
    '      ++··"id":·9',
    '      ··}',
  ]);
  assert.match(report.at(-2) ?? '', /\(a\.test\.ts:5:\d+\)$/);
});

fixtures('eventually reports a check that returns nothing', async () => {
  const { status, stdout } = await run(`
import { assert, eventually, test } from 'mq/test';
test('waits', () => eventually('one is one', () => assert.is(1, 1), { within: 1 }));
`);
  assert.is(status, 1);
  assert.match(
    stdout,
    /timed out after 1 ms: one is one; the last call returned undefined, which means "not yet": return true/,
  );
});

fixtures('an unroutable message: lists the existing bindings', async () => {
  const { stdout } = await run(`
import { expectMessage, publish, test } from 'mq/test';
test('waits', async () => {
  await publish('orders', 'x', { routingKey: 'offer', mandatory: false });
  await expectMessage('audit', 'x', { within: 100 });
});
`);
  assert.match(
    stdout,
    /it received no message\n.*key "offer"\n +no binding matched; bindings: "order\.paid" → billing, "order\.#" → audit\n/,
  );
});

const refused = JSON.stringify({
  vhosts: { '/': { queues: { q: { options: { arguments: { 'x-queue-type': 'stream', 'x-max-age': 'x' } } } } } },
  publications: { q: { queue: 'q' } },
});

fixtures('a refused topology fails each test that needs it, once', async () => {
  const cwd = emptyFolder({
    'rascal.json': refused,
    'a.test.ts': `import { publish, test } from 'mq/test';
test('needs none', () => {});
test('first', () => publish('q', 'x'));
test('second', () => publish('q', 'x'));
`,
  });
  const { status, stdout } = await mq(['test'], { cwd });
  assert.is(status, 1);
  assert.is(stdout.match(/the broker refused: .*'x-max-age'.*\[TOPOLOGY\]/g)?.length, 2);
  assert.match(stdout, /\n1 passed, 2 failed\n$/);
});

fixtures('expectMessage reads a stream, which the next test finds empty', async () => {
  const cwd = emptyFolder({
    'rascal.json': JSON.stringify({
      vhosts: { '/': { queues: { log: { options: { arguments: { 'x-queue-type': 'stream', 'x-max-age': '1h' } } } } } },
      publications: { log: { queue: 'log' } },
      subscriptions: { log: { queue: 'log', options: { arguments: { 'x-stream-offset': 'first' } } } },
    }),
    'a.test.ts': `import { assert, clock, expectMessage, publish, test } from 'mq/test';
for (const name of ['one', 'other']) {
  test(name, async () => {
    await publish('log', name);
    await publish('log', 'more');
    const first = await expectMessage({ queue: 'log' }, name);
    assert.is(first.headers['x-stream-offset'], 0);
    await expectMessage({ queue: 'log' }, 'more');
    await expectMessage('log', name);
    await clock.advance(1_800_000);
    await expectMessage('log', 'more');
  });
}
`,
  });
  const { status, stdout } = await mq(['test'], { cwd });
  assert.is(status, 0, stdout);
});

fixtures('a topology error that only a client sees fails the file', async () => {
  const cwd = emptyFolder({
    'rascal.json': refused,
    'a.test.ts': `import { broker, test } from 'mq/test';
import { connect } from 'node:net';
test('connects', () => new Promise((closed) => connect(Number(new URL(broker.url).port)).once('close', closed)));
`,
  });
  const { status, stdout } = await mq(['test'], { cwd });
  assert.is(status, 1);
  assert.match(stdout, / {2}the target\n {4}the broker refused: .*\n[\s\S]*\n1 passed, 1 failed\n$/);
});

fixtures.run();

const leaks = suite('what a test leaves on the broker');
const amqplib = JSON.stringify(resolve(import.meta.dirname, '../../node_modules/amqplib/channel_api.js'));

leaks('a connection that stays open fails the test that opened it', async () => {
  const { status, stdout } = await run(`
import { broker, publish, test } from 'mq/test';
import amqplib from ${amqplib};
test('tidy', async () => (await amqplib.connect(broker.url)).close());
test('untidy', async () => {
  const connection = await amqplib.connect(broker.url);
  connection.on('error', () => {});
  const channel = await connection.createChannel();
  await publish('orders', 'x', { routingKey: 'order.open' });
  await channel.get('audit', { noAck: false });
});
test('after it', () => {});
`);
  assert.is(status, 1);
  assert.match(stdout, / {2}"untidy"\n {4}left a connection \(.*; channels: 1, unacknowledged: 1\)\n/);
  assert.not.match(stdout, / {2}"(tidy|after it)"\n/);
});

leaks('a leftover queue fails the test, except those of rascal.json and roles', async () => {
  const { status, stdout } = await run(`
import { broker, publish, role, test } from 'mq/test';
import amqplib from ${amqplib};
test('by roles', async () => {
  const worker = await role('worker', ['--count', '1']);
  await publish('task', 'x');
  await worker.ended;
});
test('by hand', async () => {
  const connection = await amqplib.connect(broker.url);
  const channel = await connection.createChannel();
  await channel.assertQueue('mine', { durable: true });
  await connection.close();
});
`);
  assert.is(status, 1);
  assert.match(stdout, / {2}"by hand"\n {4}left the queue "mine" \(ready: 0, unacknowledged: 0\)\n/);
  assert.match(stdout, /\n2 passed, 1 failed\n$/);
});

leaks.run();

const address = suite<{ vhost: TestVhost; on: string[] }>('--on an address');

address.before(async (context) => {
  context.vhost = await testVhost();
  const { urls, managementUrls } = JSON.parse(process.env['MQ_TEST_BROKER'] ?? '') as {
    urls: string[];
    managementUrls: string[];
  };
  context.on = ['--on', urls[0] ?? '', '--management-url', managementUrls[0] ?? ''];
});
address.after(({ vhost }) => vhost.remove());

async function testVhosts(vhost: TestVhost): Promise<unknown[]> {
  const all = (await vhost.api('GET', '/api/vhosts')) as { name: string }[];
  return all.filter(({ name }) => name.startsWith('mq-test-'));
}

address('the same file passes; tests of the clock and of a cluster are skipped', async ({ vhost, on }) => {
  const { status, stdout, stderr } = await run(everything, on);
  assert.is(status, 0, stdout + stderr);
  assert.match(
    stdout,
    /skipped "the clock advances by an hour": needs a broker whose clock can be advanced; the target is url\n/,
  );
  assert.match(stdout, /\n7 passed, 0 failed, 2 skipped\n$/);
  await until('the vhost of the file is removed', async () => (await testVhosts(vhost)).length === 0);
});

address('a test receives no message of the previous test', async ({ on }) => {
  const { status, stdout } = await run(isolated, on);
  assert.is(status, 0, stdout);
});

address('a run that a signal ends removes its vhost', async ({ vhost, on }) => {
  const slow = `
import { publish, test } from 'mq/test';
test('slow', async () => {
  await publish('orders', 'x', { routingKey: 'order.paid' });
  await new Promise(() => setInterval(() => {}, 1000));
});
`;
  const running = startMq(['test', ...on], { cwd: emptyFolder({ 'rascal.json': config, 'a.test.ts': slow }) });
  await until('the vhost of the file exists', async () => (await testVhosts(vhost)).length > 0);
  const { status } = await running.stop();
  assert.is(status, 143);
  assert.equal(await testVhosts(vhost), []);
});

address('a file without mq/test finds the broker in its environment', async ({ on }) => {
  const { status, stdout } = await run(
    `
import { test } from 'uvu';
import * as assert from 'uvu/assert';
test('broker', () => {
  const { urls, managementUrls } = JSON.parse(process.env.MQ_TEST_BROKER ?? '');
  assert.equal([urls, managementUrls], ${JSON.stringify([[on[1]], [on[3]]])});
});
test.run();
`,
    on,
  );
  assert.is(status, 0, stdout);
});

address('a connection that stays open is detected', async ({ on }) => {
  const { status, stdout } = await run(
    `
import { broker, test } from 'mq/test';
import amqplib from ${amqplib};
test('untidy', async () => {
  (await amqplib.connect(broker.url)).on('error', () => {});
});
`,
    on,
  );
  assert.is(status, 1);
  assert.match(stdout, / {2}"untidy"\n {4}left a connection \(/);
});

address('uses the vhost of the address, with a notice, without a management API', async ({ vhost, on }) => {
  const [option = '', url = ''] = on;
  const there = new URL(`/${vhost.name}`, url).href;
  const { status, stdout, stderr } = await run(everything, [option, there]);
  assert.is(status, 0, stdout + stderr);
  assert.match(stdout, /^no management API is used \(.* is not known\): the tests share the vhost of the address/);
});

address('mq’s own suites pass', async ({ on }) => {
  const { status, stdout } = await mq(['test', '--self', 'routing', 'confirms', 'dead-letters', ...on], {
    deadlineMs: 60_000,
  });
  assert.is(status, 0, stdout);
});

address.run();
