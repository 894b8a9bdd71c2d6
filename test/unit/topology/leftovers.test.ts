// Finds the objects that mq apply --prune deletes: each row is a broker, and the deletions that the file then causes.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { deliveryObjects, levelObjects, waitObjects } from '../../../src/delay/objects.ts';
import { compareTopology } from '../../../src/topology/compare.ts';
import type { Difference } from '../../../src/topology/difference.ts';
import { mergedTopology } from '../../../src/topology/merge.ts';
import type { Topology, TopologyBinding, TopologyExchange, TopologyQueue } from '../../../src/topology/topology.ts';
import { wantedTopology } from '../../../src/topology/wanted.ts';
import { configOf } from '../config/fixture.ts';

const file = {
  vhosts: {
    '/': {
      exchanges: { orders: { type: 'topic' }, shared: {} },
      queues: {
        audit: {},
        'orders.bill': {},
        'orders.keys': {},
        'orders.mine': { replyTo: true, options: { exclusive: true } },
      },
      bindings: ['orders[order.*] -> orders.bill'],
    },
    other: { queues: ['orders.elsewhere'], exchanges: ['orders.there'] },
  },
  subscriptions: { bill: { queue: 'orders.bill' }, keys: { queue: 'orders.keys' } },
  mq: {
    owns: ['orders*'],
    delay: 'orders.later',
    retry: { attempts: 2, delays: ['50ms'] },
    roles: { listen: { consume: 'keys', arguments: 'keys' } },
  },
};

const exchange = (name: string, more: Partial<TopologyExchange> = {}): TopologyExchange => ({
  ...{ name, type: 'topic', durable: true, autoDelete: false, internal: false, arguments: {} },
  ...more,
});
const queue = (name: string, more: Partial<TopologyQueue> = {}): TopologyQueue => ({
  ...{ name, type: 'classic', durable: true, autoDelete: false, exclusive: false, arguments: {} },
  ...more,
});
const binding = (source: string, destination: string, key = 'k', more: Partial<TopologyBinding> = {}) => ({
  ...{ source, destination, destinationType: 'queue' as const, key, arguments: {} },
  ...more,
});
const deadLetters = (exchangeName: string, key?: string) => ({
  arguments: { 'x-dead-letter-exchange': exchangeName, ...(key !== undefined && { 'x-dead-letter-routing-key': key }) },
});

/** A broker that has what the file defines. The queues for failed messages are missing, which is no deletion. */
const same: Topology = {
  exchanges: [exchange('orders'), exchange('amq.topic'), exchange('shared')],
  queues: [queue('audit'), queue('orders.bill'), queue('orders.keys')],
  bindings: [binding('orders', 'orders.bill', 'order.*')],
  policies: [],
};
const plus = (more: Partial<Topology>): Topology => ({
  ...same,
  exchanges: [...same.exchanges, ...(more.exchanges ?? [])],
  queues: [...same.queues, ...(more.queues ?? [])],
  bindings: [...same.bindings, ...(more.bindings ?? [])],
  policies: more.policies ?? [],
});

function compared(found: Topology, content: object = file) {
  const config = configOf(content);
  return compareTopology(wantedTopology(config, '/'), found);
}

function lineOf(one: Difference): string {
  const name = one.kind === 'binding' ? `${one.source}[${one.key}]->${one.destination}` : one.name;
  return `${one.kind} ${name}${(one.obstacles ?? []).map((obstacle) => `; ${obstacle}`).join('')}`;
}

function deletions(found: Topology, content?: object): string[] {
  const { differences } = compared(found, content);
  return differences.filter(({ action }) => action === 'delete').map(lineOf);
}

/** Objects that a role declares for --delay, and a wait queue whose delay has changed in rascal.json. */
const levels = levelObjects('orders.later');
const to = deliveryObjects('orders.later', { exchange: '', routingKey: 'orders.bill' });
const old = waitObjects('orders.later', 60_000, { exchange: '', routingKey: 'orders.bill' });

const rows: Readonly<Record<string, readonly [found: Topology, deleted: readonly string[]]>> = {
  'nothing that the file defines': [same, []],
  'an owned exchange and an owned queue': [
    plus({ exchanges: [exchange('orders.old')], queues: [queue('orders.old')] }),
    ['exchange orders.old', 'queue orders.old'],
  ],
  'nothing that is not owned': [
    plus({
      exchanges: [exchange('theirs')],
      queues: [queue('theirs.orders')],
      bindings: [binding('theirs', 'theirs')],
    }),
    [],
  ],
  'a binding between owned objects of the file': [
    plus({ bindings: [binding('orders', 'orders.bill', 'old')] }),
    ['binding orders[old]->orders.bill'],
  ],
  'a binding that differs only in its arguments': [
    plus({ bindings: [binding('orders', 'orders.bill', 'order.*', { arguments: { n: 1 } })] }),
    ['binding orders[order.*]->orders.bill'],
  ],
  'no binding to or from an object of others': [
    plus({
      queues: [queue('theirs')],
      bindings: [binding('orders', 'theirs'), binding('amq.topic', 'orders.bill')],
    }),
    [],
  ],
  'no binding with an end that is defined but not owned': [
    plus({ bindings: [binding('orders', 'audit'), binding('shared', 'orders.bill')] }),
    [],
  ],
  'no binding of a queue that a role binds with keys': [plus({ bindings: [binding('orders', 'orders.keys')] }), []],
  'no binding of an exclusive queue': [
    plus({
      queues: [queue('orders.mine:1', { exclusive: true })],
      bindings: [binding('orders', 'orders.mine:1')],
    }),
    [],
  ],
  'bindings of a deleted object with the object': [
    plus({ queues: [queue('orders.old')], bindings: [binding('orders', 'orders.old')] }),
    ['queue orders.old'],
  ],
  'no name of another vhost of the file': [
    plus({ exchanges: [exchange('orders.there')], queues: [queue('orders.elsewhere')] }),
    [],
  ],
  'no internal exchange, and none that may hold delayed messages': [
    plus({
      exchanges: [exchange('orders.in', { internal: true }), exchange('orders.later', { type: 'x-delayed-message' })],
    }),
    [],
  ],
  'no queue for failed messages of a queue of the file': [
    plus({
      queues: ['orders.bill.retry.777', 'orders.bill.dead', 'orders.keys.dead', 'orders.bill.offset.report'].map(
        (name) => queue(name),
      ),
    }),
    [],
  ],
  'no wait queue that expires': [
    plus({ queues: [queue('orders.x.retry.50', { arguments: { 'x-expires': 60_000 } })] }),
    [],
  ],
  'queues for failed messages of a queue that is gone': [
    plus({ queues: ['orders.old', 'orders.old.retry.50', 'orders.old.dead'].map((name) => queue(name)) }),
    ['queue orders.old', 'queue orders.old.retry.50', 'queue orders.old.dead'],
  ],
  'an old wait queue, but nothing that delayed messages of other roles pass': [
    plus({
      exchanges: levels.exchanges.map(({ name }) => exchange(name)),
      queues: [...levels.queues, ...to.queues, ...old.queues].map(({ name }) => queue(name)),
      bindings: [...levels.bindings, ...to.bindings],
    }),
    ['queue orders.later.60000.to.orders.bill'],
  ],
  'no holding queue of a replacement': [plus({ queues: [queue('orders.bill.mq-replace')] }), []],
  'an exchange that routes to others, with an obstacle': [
    plus({
      exchanges: [exchange('orders.old')],
      queues: [queue('theirs')],
      bindings: [binding('orders.old', 'theirs')],
    }),
    ["exchange orders.old; it routes to the queue 'theirs'"],
  ],
  'an exchange that others route to': [
    plus({
      exchanges: [exchange('orders.old')],
      bindings: [binding('amq.topic', 'orders.old', 'k', { destinationType: 'exchange' })],
    }),
    ['exchange orders.old'],
  ],
  'an alternate and dead-letter exchange, with obstacles': [
    plus({
      exchanges: [exchange('orders.old'), exchange('theirs', { arguments: { 'alternate-exchange': 'orders.old' } })],
      queues: [queue('theirs', deadLetters('orders.old'))],
      policies: [
        { name: 'p', pattern: '', applyTo: 'all', priority: 0, definition: { 'dead-letter-exchange': 'orders.old' } },
      ],
    }),
    [
      "exchange orders.old; it is the alternate exchange of the exchange 'theirs'; it receives the dead letters of the queue 'theirs'; the policy 'p' names it",
    ],
  ],
  'a queue for dead letters of others, with an obstacle': [
    plus({ queues: [queue('orders.old'), queue('theirs', deadLetters('', 'orders.old'))] }),
    ["queue orders.old; it receives the dead letters of the queue 'theirs'"],
  ],
  'queues that send dead letters to each other': [
    plus({
      queues: [queue('orders.a', deadLetters('', 'orders.b')), queue('orders.b', deadLetters('', 'orders.a'))],
    }),
    ['queue orders.a', 'queue orders.b'],
  ],
  'a queue whose node is down, with an obstacle': [
    plus({ queues: [queue('orders.old', { state: 'down' })] }),
    ['queue orders.old; it is not available (down)'],
  ],
  'the last binding of an auto-delete exchange, with an obstacle': [
    plus({
      exchanges: [exchange('theirs', { autoDelete: true })],
      queues: [queue('orders.old')],
      bindings: [binding('theirs', 'orders.old', 'a'), binding('theirs', 'orders.old', 'b')],
    }),
    ["queue orders.old; the auto-delete exchange 'theirs' would be deleted with its last binding"],
  ],
};

for (const [title, [found, deleted]] of Object.entries(rows)) {
  test(`deletes ${title}`, () => assert.equal(deletions(found), deleted));
}

for (const name of [
  'amq.gen-1',
  'mqtt-subscription-aqos1',
  'stomp-subscription-a',
  'federation: a -> b',
  'aliveness-test',
  'nsb.v2.delay-level-27',
  'celery_delayed_27',
  'a.mq-replace',
]) {
  test(`never deletes ${name}`, () => {
    const all = plus({ exchanges: [exchange(name)], queues: [queue(name)] });
    assert.equal(deletions(all, { ...file, mq: { ...file.mq, owns: ['*a*', '*e*', '*o*', '*q*'] } }), []);
  });
}

test('owns nothing by default', () => {
  const { owns: _, ...mq } = file.mq;
  assert.equal(deletions(plus({ queues: [queue('orders.old')] }), { ...file, mq }), []);
});

test('compares the patterns with names that include the namespace', () => {
  const content = { vhosts: { '/': { namespace: 'v', queues: ['a'] } }, mq: { owns: ['v:*'] } };
  const found = { exchanges: [], queues: [queue('v:a'), queue('v:b'), queue('a')], bindings: [], policies: [] };
  assert.equal(deletions(found, content), ['queue v:b']);
});

test('the risk has counts and bindings, which are not those of others', () => {
  const old = binding('amq.topic', 'orders.old');
  const found = plus({
    queues: [queue('orders.old', { counts: { messages: 3, unacknowledged: 1, consumers: 0 } })],
    bindings: [old, binding('amq.topic', 'orders.bill')],
  });
  const { differences, others } = compared(found);
  const [deleted] = differences.filter(({ action }) => action === 'delete');
  assert.equal(deleted?.risk, { messages: 3, unacknowledged: 1, consumers: 0, otherBindings: [old] });
  assert.equal(others.queues, []);
  assert.equal(
    others.bindings.map(({ destination }) => destination),
    ['orders.bill'],
  );
});

test('several vhosts of the file on one vhost of the broker own the same names', () => {
  const config = configOf(file);
  const merged = mergedTopology([
    { name: '/', wanted: wantedTopology(config, '/') },
    { name: 'other', wanted: wantedTopology(config, 'other') },
  ]);
  const found = plus({ queues: [queue('orders.elsewhere'), queue('orders.old')] });
  const { differences } = compareTopology(merged, found);
  assert.equal(differences.filter(({ action }) => action === 'delete').map(lineOf), ['queue orders.old']);
});

test.run();
