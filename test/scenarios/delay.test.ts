// Tests delayed messages: they arrive after their time, at their destination, and can be listed and cancelled before.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
const { vhost } = roles;
test.after.each(roles.killLeft);
test.after(roles.end);

const delivery = `
export default ({ text, fields: { exchange, routingKey }, headers }) =>
  console.log(JSON.stringify({ text, exchange, routingKey, early: Date.now() < headers['x-mq-due'] }));`;

const topology = {
  vhosts: {
    '/': {
      exchanges: { orders: { type: 'direct' } },
      queues: {
        jobs: { options: { arguments: { 'x-queue-type': 'quorum' } } },
        gone: {},
        events: { options: { arguments: { 'x-queue-type': 'stream' } } },
      },
      bindings: { 'orders[paid] -> jobs': {} },
    },
  },
  publications: {
    jobs: { queue: 'jobs' },
    paid: { exchange: 'orders', routingKey: 'paid' },
    fixed: { queue: 'jobs' },
    gone: { queue: 'gone' },
    events: { queue: 'events' },
  },
  subscriptions: { jobs: { queue: 'jobs' }, events: { queue: 'events' } },
  mq: { publications: { fixed: { delay: '1500ms' }, paid: { delay: true } } },
};
const folder = (mq: object = {}) =>
  emptyFolder({
    'rascal.json': JSON.stringify({ ...topology, mq: { ...topology.mq, ...mq } }),
    'delivery.mjs': delivery,
  });
const cwd = folder();

const publish = async (publication: string, text: string, ...options: string[]) => {
  const { status, stdout, stderr } = await roles.runHere(['publish', publication, text, '--json', ...options], { cwd });
  assert.is(status, 0, stderr);
  return JSON.parse(lines(stdout)[0] ?? '') as { messageId: string; outcome: string };
};
const listed = async (...options: string[]) => {
  const { stdout } = await roles.run(['delayed', 'list', '--json', ...options], { cwd });
  return lines(stdout).map((line) => JSON.parse(line) as { id: string; due: string; exchange: string });
};

test('the shortest delay arrives first, with its exchange and key', async () => {
  const hour = await publish('jobs', 'an hour', '--delay', '1h');
  const sent = { exchange: '', routingKey: 'jobs', early: false };
  // In the order in which they become due, so that a slow publish does not change it.
  await publish('fixed', 'fixed');
  await publish('jobs', 'one', '--delay', '1s');
  await publish('paid', 'four', '--delay', '4s');
  await publish('jobs', 'seven', '--delay', '7s');
  await publish('jobs', 'at', '--at', new Date(Date.now() + 10_000).toISOString());
  const args = ['subscribe', 'jobs', '--quiet', '--handler', 'delivery.mjs', '--count', '5'];
  const { status, stdout, stderr } = await roles.run(args, { cwd });
  assert.is(status, 0, stderr);
  const received = lines(stdout).map((line) => JSON.parse(line) as { text: string });
  // RabbitMQ promises no order, but these times are more than a second apart.
  const rest = received.filter(({ text }) => !['fixed', 'one'].includes(text));
  assert.equal(rest, [
    { text: 'four', exchange: 'orders', routingKey: 'paid', early: false },
    { text: 'seven', ...sent },
    { text: 'at', ...sent },
  ]);
  assert.equal(received.map(({ text }) => text).toSorted(), ['at', 'fixed', 'four', 'one', 'seven']);
  assert.equal(
    (await listed()).map(({ id }) => id),
    [hour.messageId],
  );
  await roles.run(['delayed', 'cancel', hour.messageId], { cwd });
});

test('mq delayed lists messages without losing one, and cancels one by its id', async () => {
  const [month, day, quick] = [
    await publish('jobs', 'month', '--delay', '30d'),
    await publish('paid', 'day', '--delay', '1d'),
    await publish('jobs', 'quick', '--delay', '20s'),
  ];
  for (let times = 0; times < 21; times += 1) assert.is((await listed()).length >= 2, true);
  assert.equal(
    (await listed('--publication', 'paid')).map(({ id, exchange }) => ({ id, exchange })),
    [{ id: day.messageId, exchange: 'orders' }],
  );
  const cancelled = await roles.run(['delayed', 'cancel', month.messageId, 'unknown', '--json'], { cwd });
  assert.is(cancelled.status, 1);
  assert.equal(
    lines(cancelled.stdout).map((line) => JSON.parse(line)),
    [
      { id: month.messageId, outcome: 'cancelled' },
      { id: 'unknown', outcome: 'gone' },
    ],
  );
  const { stdout } = await roles.run(['subscribe', 'jobs', '--count', '1'], { cwd });
  assert.is(stdout, 'quick\n');
  const late = await roles.run(['delayed', 'cancel', quick.messageId], { cwd });
  assert.equal([late.status, late.stdout], [1, `gone ${quick.messageId}\n`]);
  assert.equal(
    (await listed()).map(({ id }) => id),
    [day.messageId],
  );
  assert.is((await roles.run(['delayed', 'cancel', day.messageId], { cwd })).status, 0);
  assert.equal(await listed(), []);
});

test('messages with one id are listed and cancelled by their destination', async () => {
  const later = ['--delay', '1h', '--property', 'message-id=same'];
  await roles.runHere(['publish', 'jobs', '--lines', ...later], { cwd, input: 'a\nb\n' });
  await publish('paid', 'c', ...later);
  assert.is((await listed()).length, 3);
  const byPublication = await roles.run(['delayed', 'cancel', 'same', '--publication', 'paid'], { cwd });
  assert.equal([byPublication.status, byPublication.stdout], [0, 'cancelled same\n']);
  assert.equal(
    (await listed()).map(({ exchange }) => exchange),
    ['', ''],
  );
  assert.is((await roles.run(['delayed', 'cancel', 'same'], { cwd })).status, 0);
  assert.equal(await listed(), []);
});

test('a message whose destination is deleted stays in its queue', async () => {
  await publish('gone', 'waits', '--delay', '1s');
  await roles.deleteQueue('gone');
  await until('the message is held for the queue that is gone', async () => {
    const { messages, messages_ready } = (await vhost.api(
      'GET',
      `/api/queues/${vhost.name}/mq.delay.to.gone`,
    )) as Record<string, number>;
    return messages === 1 && messages_ready === 0;
  });
});

test('a role that connects again declares wait queues that are gone', async () => {
  const running = roles.start(['publish', 'jobs', '--lines', '--json', '--delay', '1h'], { cwd });
  running.stdin.write('before\n');
  await running.prints(/confirmed/);
  for (const place of ['queues', 'exchanges'])
    await vhost.api('DELETE', `/api/${place}/${vhost.name}/mq.delay.level.11`);
  await roles.deleteQueue('mq.delay.to.jobs');
  await until('the connection is closed', async () => {
    const connections = (await vhost.api('GET', `/api/vhosts/${vhost.name}/connections`)) as { name: string }[];
    for (const { name } of connections) await vhost.api('DELETE', `/api/connections/${encodeURIComponent(name)}`);
    return connections.length > 0;
  });
  running.stdin.end('after\n');
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 0, stderr);
  const ids = lines(stdout).map((line) => (JSON.parse(line) as { messageId: string }).messageId);
  assert.equal(
    (await listed()).map(({ id }) => id),
    ids.slice(1),
  );
  await roles.run(['delayed', 'cancel', ...ids.slice(1)], { cwd });
});

test('a delayed message to a stream arrives, and has no header that is lost', async () => {
  const refused = await roles.runHere(['publish', 'events', 'x', '--delay', '1s', '--header', 'list:=[1]'], { cwd });
  assert.is(refused.status, 65);
  assert.match(refused.stderr, "the header 'list' is an array, which the stream 'events' does not keep");
  await publish('events', 'later', '--delay', '1s');
  const { stdout } = await roles.run(['subscribe', 'events', '--count', '1', '--offset', 'first'], { cwd });
  assert.is(stdout, 'later\n');
});

test('a role that declares nothing needs mq declare', async () => {
  const strict = folder({ declare: false, delay: 'shop.delay' });
  const send = () => roles.runHere(['publish', 'paid', 'x', '--delay', '1s'], { cwd: strict });
  const refused = await send();
  assert.is(refused.status, 78);
  assert.match(refused.stderr, "the broker has no queue 'shop.delay.to.orders/paid', in which delayed messages wait");
  const declared = await roles.runHere(['declare'], { cwd: strict });
  assert.match(declared.stdout, 'queue shop.delay.level.22 (quorum)\n');
  assert.is((await send()).status, 0);
  const { stdout } = await roles.run(['subscribe', 'jobs', '--count', '1'], { cwd: strict });
  assert.is(stdout, 'x\n');
});

test.run();
