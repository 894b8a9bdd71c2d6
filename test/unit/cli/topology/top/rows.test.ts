// Tests the rows of mq top: rates as differences, folded queues, and the order.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { QueueRates, rowsOf, sortedRows, subscriptionsOf } from '../../../../../src/cli/topology/top/rows.ts';
import { configOf } from '../../../config/fixture.ts';

const config = configOf({
  vhosts: {
    shop: {
      namespace: 'eu',
      queues: { jobs: {}, mine: { options: { exclusive: true } } },
    },
  },
  subscriptions: { work: { vhost: 'shop', queue: 'jobs' }, own: { vhost: 'shop', queue: 'mine' } },
});
const subscriptions = subscriptionsOf(config, (name) => `${name}-live`);
const vhost = 'shop-live';
const queue = (name: string, more: object = {}) => ({
  ...{ vhost, name, type: 'classic', messages: 0, messages_ready: 0, messages_unacknowledged: 0, consumers: 0 },
  ...more,
});
const rows = (...items: ReturnType<typeof queue>[]) => rowsOf(items, { subscriptions, rates: new QueueRates() });

test('folds retry and dead-letter queues under the queue of their subscription', () => {
  const found = rows(
    queue('eu:jobs', { messages_ready: 4 }),
    queue('eu:jobs.retry.1000', { messages: 2 }),
    queue('eu:jobs.retry.30000', { messages: 3 }),
    queue('eu:jobs.dead', { messages: 7 }),
    queue('eu:jobs.offset.report', { messages: 1 }),
    queue('eu:jobs.deadline'),
    queue('jobs.dead'),
    queue('other'),
    queue('other.dead'),
  );
  assert.equal(
    found.map(({ name, subscription, ready, retry, dead }) => [name, subscription, ready, retry, dead]),
    [
      ['eu:jobs', 'work', 4, 5, 7],
      ['eu:jobs.deadline', undefined, 0, undefined, undefined],
      ['jobs.dead', undefined, 0, undefined, undefined],
      ['other', undefined, 0, undefined, undefined],
      ['other.dead', undefined, 0, undefined, undefined],
    ],
  );
});

test('shows a dead-letter queue without its work queue in the vhost', () => {
  assert.equal(
    rows(queue('eu:jobs.dead')).map(({ name }) => name),
    ['eu:jobs.dead'],
  );
  const elsewhere = rows(queue('eu:jobs'), { ...queue('eu:jobs.dead'), vhost: 'shop' });
  assert.is(elsewhere.length, 2);
});

test('a count that the broker does not report is absent', () => {
  const [row = {}] = rows({ vhost, name: 'new', type: 'quorum' } as ReturnType<typeof queue>);
  assert.equal(row, { vhost, name: 'new', type: 'quorum' });
});

test('computes rates from the counters of two samples', () => {
  const rates = new QueueRates();
  const sample = (atMs: number, publish: number, ack: number) =>
    rates.add([queue('q', { message_stats: { publish, ack, deliver_no_ack: 5, get_no_ack: 1 } })], atMs);
  const now = () => rates.of(JSON.stringify([vhost, 'q']));
  sample(0, 100, 10);
  assert.equal(now(), {});
  sample(2000, 100, 13);
  assert.equal(now(), { in: 0, out: 1.5 });
  // RabbitMQ changes its counters every 5 s: the rate covers up to 10 s.
  sample(8000, 180, 26);
  assert.equal(now(), { in: 10, out: 2 });
  sample(18_000, 280, 46);
  assert.equal(now(), { in: 10, out: 2 });
  // The queue was deleted and declared again.
  sample(20_000, 0, 0);
  assert.equal(now(), {});
});

test('a queue has no rate before its second sample, and 0 without messages', () => {
  const rates = new QueueRates();
  rates.add([], 0);
  rates.add([queue('q')], 1000);
  const key = JSON.stringify([vhost, 'q']);
  assert.equal(rates.of(key), {});
  rates.add([queue('q')], 2000);
  assert.equal(rates.of(key), { in: 0, out: 0 });
  rates.add([], 3000);
  assert.equal(rates.of(key), {});
});

test('sorts numbers in descending order, then by name', () => {
  const all = rows(queue('b', { messages_ready: 1 }), queue('c'), queue('a', { messages_ready: 1, consumers: 2 }));
  const order = (by: Parameters<typeof sortedRows>[1]) => sortedRows(all, by).map(({ name }) => name);
  assert.equal(order('ready'), ['a', 'b', 'c']);
  assert.equal(order('consumers'), ['a', 'b', 'c']);
  assert.equal(
    sortedRows(all.toReversed(), 'name').map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  assert.equal(
    sortedRows(rows(queue('new', { messages_ready: undefined }), queue('x')), 'ready').map(({ name }) => name),
    ['x', 'new'],
  );
});

test.run();
