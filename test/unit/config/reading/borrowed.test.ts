import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { configFor } from '../../../../src/config/config.ts';
import { deadQueueOf, isDeadQueue } from '../../../../src/config/dead-queue.ts';
import { madeQueues, retryOf } from '../../../../src/config/retry-queues.ts';
import { configOf, withBuiltinOf } from '../fixture.ts';

const orders = {
  vhosts: { '/': { queues: ['orders', 'orders.parked'] } },
  publications: { orders: { queue: 'orders' } },
  subscriptions: { orders: { queue: 'orders' } },
  mq: {
    retry: { attempts: 2, deadLetter: { queue: 'orders.parked' } },
    roles: { order: { publish: 'orders' }, bill: { consume: 'orders' } },
  },
};

const names = (config: ReturnType<typeof configOf>) => ({
  roles: Object.keys(config.roles),
  publications: Object.keys(config.publications),
  subscriptions: Object.keys(config.subscriptions),
  exchanges: Object.keys(config.vhosts['/']?.exchanges ?? {}),
  queues: Object.keys(config.vhosts['/']?.queues ?? {}),
  bindings: (config.vhosts['/']?.bindings ?? []).map(({ source, destination }) => `${source} -> ${destination}`),
});

const usesOf = (subscription: string) => ({ publications: [], subscriptions: [subscription] });

test("uses only the topology of the user's file", () => {
  assert.equal(names(configOf(orders)), {
    roles: ['order', 'bill'],
    publications: ['orders'],
    subscriptions: ['orders'],
    exchanges: [],
    queues: ['orders', 'orders.parked'],
    bindings: [],
  });
});

test('adds every subscription of a role with its retry queues', () => {
  const config = configOf({
    vhosts: { '/': { queues: ['orders'] } },
    subscriptions: { orders: { queue: 'orders' } },
    mq: { roles: { both: { behaviour: 'consume', subscriptions: ['task', 'orders'], retry: { delays: [7] } } } },
  });
  assert.equal(names(config).queues.toSorted(), ['orders', 'task_queue']);
  const made = madeQueues(config).map(({ name }) => name);
  for (const queue of ['orders', 'task_queue']) {
    assert.ok(made.includes(`${queue}.retry.7`), made.join());
    assert.ok(made.includes(`${queue}.dead`), made.join());
  }
  assert.throws(() => deadQueueOf(config, 'both', ''), /receives from several subscriptions/);
  assert.is(deadQueueOf(config, 'orders', '').queue, 'orders.dead');
});

test('knows a dead-letter queue by its name, or by the settings of the file', () => {
  const config = configOf({
    ...orders,
    vhosts: {
      '/': {
        queues: {
          orders: {},
          'orders.parked': {},
          wait: { options: { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'orders' } } },
        },
      },
      other: { queues: ['orders.parked'] },
    },
  });
  const isDead = (queue: string, vhost = '/') => isDeadQueue(config, { vhost, queue });
  assert.ok(isDead('any.dead') && isDead('orders.parked'));
  for (const queue of ['orders', 'wait', 'missing', 'undefined']) assert.not(isDead(queue), queue);
  assert.not(isDead('orders.parked', 'other'));
});

test('adds the built-in items that the file refers to, and what they need', () => {
  const { roles, ...rest } = names(
    configOf({
      publications: { direct: { exchange: 'direct_logs' } },
      mq: { roles: { resize: { consume: 'task' }, watch: { consume: 'topic_logs' } } },
    }),
  );
  assert.equal(roles, ['resize', 'watch']);
  assert.equal(rest, {
    publications: ['direct'],
    subscriptions: ['task', 'topic_logs'],
    exchanges: ['direct_logs', 'topic_logs'],
    queues: ['task_queue', 'topic_logs'],
    bindings: ['topic_logs -> topic_logs'],
  });
});

test('adds nothing if the file defines a built-in name itself', () => {
  const { queues, bindings } = names(
    configOf({
      vhosts: { '/': { exchanges: { logs: { type: 'direct' } }, queues: ['mine'], bindings: ['logs[a] -> mine'] } },
    }),
  );
  assert.equal([queues, bindings], [['mine'], ['logs -> mine']]);
});

test('applies mq.retry without its dead-letter target to a built-in role', () => {
  const configs = { config: configOf(orders), withBuiltin: withBuiltinOf(orders) };
  const settingsOf = (subscription: string) => {
    const { deadLetter, attempts } = retryOf(configFor(configs, usesOf(subscription)), subscription);
    return { deadLetter, attempts };
  };
  assert.equal(settingsOf('orders'), { deadLetter: { queue: 'orders.parked' }, attempts: 2 });
  assert.equal(settingsOf('task'), { deadLetter: undefined, attempts: 2 });
});

test('applies mq.retry to a built-in name that the file defines itself', () => {
  const file = { ...orders, subscriptions: { ...orders.subscriptions, task: { queue: 'orders' } } };
  const configs = { config: configOf(file), withBuiltin: withBuiltinOf(file) };
  const config = configFor(configs, usesOf('task'));
  assert.is(config.subscriptions['task']?.queue, 'orders');
  assert.equal(retryOf(config, 'task').deadLetter, { queue: 'orders.parked' });
});

test.run();
