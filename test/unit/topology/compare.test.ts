// Compares the topology of rascal.json with that of a broker: each row is one kind of drift, or a difference that is
// no drift.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compareTopology, needsDefaultType } from '../../../src/topology/compare.ts';
import type { Comparison, Difference } from '../../../src/topology/difference.ts';
import type { Topology, TopologyBinding, TopologyExchange, TopologyQueue } from '../../../src/topology/topology.ts';
import { wantedTopology } from '../../../src/topology/wanted.ts';
import { plannedFile } from '../../support/plan.ts';
import { configOf } from '../config/fixture.ts';

const shared = plannedFile.vhosts['/'];

/** The rascal.json of all rows: the one of mq plan's tests, with objects that mq does not declare. */
const file = {
  ...plannedFile,
  vhosts: {
    '/': {
      exchanges: { ...shared.exchanges, 'amq.topic': {} },
      queues: { ...shared.queues, theirs: { assert: false }, mine: { options: { exclusive: true } } },
      bindings: { ...shared.bindings, 'orders -> theirs': {} },
    },
  },
};

const exchange = (name: string, type: string, more: Partial<TopologyExchange> = {}): TopologyExchange => ({
  ...{ name, type, durable: true, autoDelete: false, internal: false, arguments: {} },
  ...more,
});
const queue = (name: string, type: string, more: Partial<TopologyQueue> = {}): TopologyQueue => ({
  ...{ name, type, durable: true, autoDelete: false, exclusive: false, arguments: {} },
  ...more,
});
const binding = (
  source: string,
  destination: string,
  key: string,
  more: Partial<TopologyBinding> = {},
): TopologyBinding => ({ source, destination, destinationType: 'queue', key, arguments: {}, ...more });

const wait = {
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': 'bill',
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
};

/** A broker that has exactly what the file defines. */
const same: Topology = {
  exchanges: [
    exchange('orders', 'topic', { arguments: { 'alternate-exchange': 'spill' } }),
    exchange('spill', 'fanout'),
    exchange('matched', 'headers'),
    exchange('amq.topic', 'topic'),
    exchange('amq.direct', 'direct'),
  ],
  queues: [
    queue('bill', 'quorum', { arguments: { 'x-delivery-limit': 5 } }),
    queue('audit', 'classic', { arguments: { 'x-message-ttl': 60_000, 'x-team': 'a' } }),
    queue('plain', 'classic'),
    queue('theirs', 'classic', { arguments: { 'x-max-length': 9 } }),
    queue('bill.retry.50', 'quorum', { arguments: { 'x-message-ttl': 50, ...wait } }),
    queue('bill.retry.3000', 'quorum', { arguments: { 'x-message-ttl': 3000, ...wait } }),
    queue('bill.dead', 'quorum', { arguments: { 'x-delivery-limit': -1 } }),
  ],
  bindings: [
    binding('orders', 'bill', 'order.*'),
    binding('orders', 'audit', '#'),
    binding('orders', 'theirs', '#'),
    binding('matched', 'audit', 'h', { arguments: { n: 1, 'x-match': 'any' } }),
    binding('orders', 'spill', 'up', { destinationType: 'exchange' }),
  ],
  policies: [],
};

const withQueue = (name: string, change: Partial<TopologyQueue>): Topology => ({
  ...same,
  queues: same.queues.map((one) => (one.name === name ? { ...one, ...change } : one)),
});
const withExchange = (name: string, change: Partial<TopologyExchange>): Topology => ({
  ...same,
  exchanges: same.exchanges.map((one) => (one.name === name ? { ...one, ...change } : one)),
});
const withoutNames = (...names: string[]): Topology => ({
  ...same,
  exchanges: same.exchanges.filter(({ name }) => !names.includes(name)),
  queues: same.queues.filter(({ name }) => !names.includes(name)),
});
const withBindings = (change: (all: readonly TopologyBinding[]) => readonly TopologyBinding[]): Topology => ({
  ...same,
  bindings: change(same.bindings),
});

function compared(found: Topology): Comparison {
  return compareTopology(wantedTopology(configOf(file), '/'), found);
}

/** Returns `replace queue bill: type quorum/classic`: wanted and found values. `?` marks an ignored attribute. */
function lineOf(one: Difference): string {
  const name = one.kind === 'binding' ? `${one.source}[${one.key}]->${one.destination}` : one.name;
  const attributes = one.exists
    ? one.attributes.map(({ attribute, wanted, found, isRefused }) => {
        return `${attribute}${isRefused ? '' : '?'} ${JSON.stringify(wanted)}/${JSON.stringify(found)}`;
      })
    : [];
  return `${one.action} ${one.kind} ${name}${attributes.length > 0 ? `: ${attributes.join(', ')}` : ''}`;
}

const drifts: Readonly<Record<string, readonly [found: Topology, differences: readonly string[]]>> = {
  'a missing exchange': [withoutNames('spill'), ['create exchange spill']],
  'a missing queue': [withoutNames('audit'), ['create queue audit']],
  'a missing wait queue': [withoutNames('bill.retry.50'), ['create queue bill.retry.50']],
  'a missing dead-letter queue': [withoutNames('bill.dead'), ['create queue bill.dead']],
  'a missing binding': [withBindings((all) => all.slice(1)), ['create binding orders[order.*]->bill']],
  'a missing binding to an exchange': [withBindings((all) => all.slice(0, -1)), ['create binding orders[up]->spill']],
  'another key of a binding': [
    withBindings((all) => all.map((one) => (one.destination === 'bill' ? { ...one, key: 'x' } : one))),
    ['create binding orders[order.*]->bill'],
  ],
  'other arguments of a binding': [
    withBindings((all) =>
      all.map((one) => (one.key === 'h' ? { ...one, arguments: { 'x-match': 'all', n: 1 } } : one)),
    ),
    ['create binding matched[h]->audit'],
  ],
  'another type of exchange': [
    withExchange('spill', { type: 'direct' }),
    ['replace exchange spill: type "fanout"/"direct"'],
  ],
  'a transient exchange': [withExchange('spill', { durable: false }), ['replace exchange spill: durable true/false']],
  'an auto-delete exchange': [
    withExchange('spill', { autoDelete: true }),
    ['replace exchange spill: autoDelete false/true'],
  ],
  'an internal exchange': [withExchange('spill', { internal: true }), ['replace exchange spill: internal false/true']],
  'another alternate exchange': [
    withExchange('orders', { arguments: { 'alternate-exchange': 'amq.fanout' } }),
    ['replace exchange orders: alternate-exchange "spill"/"amq.fanout"'],
  ],
  'an argument of an exchange that RabbitMQ ignores': [
    withExchange('spill', { arguments: { 'x-note': 'b' } }),
    ['replace exchange spill: x-note? null/"b"'],
  ],
  'a classic queue instead of a quorum queue': [
    withQueue('bill', { type: 'classic', arguments: {} }),
    ['replace queue bill: type "quorum"/"classic", x-delivery-limit? 5/null'],
  ],
  'a classic queue where the default type has become quorum': [
    { ...withoutNames('audit'), defaultQueueType: 'quorum' },
    ['create queue audit', 'replace queue plain: type "quorum"/"classic"'],
  ],
  'a quorum queue where the file leaves the type open': [
    withQueue('plain', { type: 'quorum' }),
    ['replace queue plain: type "classic"/"quorum"'],
  ],
  'a transient queue': [withQueue('plain', { durable: false }), ['replace queue plain: durable true/false']],
  'an auto-delete queue': [withQueue('plain', { autoDelete: true }), ['replace queue plain: autoDelete false/true']],
  'another value of an argument': [
    withQueue('audit', { arguments: { 'x-message-ttl': 1, 'x-team': 'a' } }),
    ['replace queue audit: x-message-ttl 60000/1'],
  ],
  'a missing argument': [
    withQueue('audit', { arguments: { 'x-team': 'a' } }),
    ['replace queue audit: x-message-ttl 60000/null'],
  ],
  'an additional argument': [
    withQueue('plain', { arguments: { 'x-max-length': 10 } }),
    ['replace queue plain: x-max-length null/10'],
  ],
  'a text instead of a number': [
    withQueue('audit', { arguments: { 'x-message-ttl': '60000', 'x-team': 'a' } }),
    ['replace queue audit: x-message-ttl 60000/"60000"'],
  ],
  'a custom argument, which RabbitMQ ignores': [
    withQueue('audit', { arguments: { 'x-message-ttl': 60_000, 'x-team': 'b' } }),
    ['replace queue audit: x-team? "a"/"b"'],
  ],
  'several attributes at once': [
    withQueue('audit', { durable: false, arguments: { 'x-message-ttl': 60_000, 'x-max-length': 1 } }),
    ['replace queue audit: durable true/false, x-team? "a"/null, x-max-length null/1'],
  ],
  'another argument of a dead-letter queue': [
    withQueue('bill.dead', { arguments: {} }),
    ['replace queue bill.dead: x-delivery-limit -1/null'],
  ],
  'an exclusive queue of another connection': [
    withQueue('plain', { exclusive: true }),
    ['blocked queue plain: exclusive false/true'],
  ],
  'a shared queue instead of an exclusive one': [
    { ...same, queues: [...same.queues, queue('mine', 'classic')] },
    ['blocked queue mine: exclusive true/false'],
  ],
  'a queue that is down': [
    withQueue('plain', { durable: false, state: 'down' }),
    ['blocked queue plain: durable true/false'],
  ],
  'another type of a predeclared exchange': [
    withExchange('amq.topic', { durable: false }),
    ['blocked exchange amq.topic: durable true/false'],
  ],
  'a missing predeclared exchange': [withoutNames('amq.topic'), ['blocked exchange amq.topic']],
  'a missing queue that another client declares': [
    { ...withoutNames('theirs'), bindings: same.bindings.filter(({ destination }) => destination !== 'theirs') },
    ['blocked queue theirs', 'blocked binding orders[#]->theirs'],
  ],
};

for (const [title, [found, differences]] of Object.entries(drifts)) {
  test(`finds ${title}`, () => assert.equal(compared(found).differences.map(lineOf), differences));
}

const noDrifts: Readonly<Record<string, Topology>> = {
  'an equal broker': same,
  'the fields of an argument in another order': withBindings((all) => all.toReversed()),
  'arguments that a policy sets': {
    ...withQueue('plain', { policy: 'ttl' }),
    policies: [
      { name: 'ttl', pattern: '.*', applyTo: 'queues', priority: 0, definition: { 'message-ttl': 1, 'max-length': 2 } },
    ],
  },
  'a default queue type of quorum': {
    ...same,
    queues: same.queues.map((one) => (one.type === 'classic' ? { ...one, type: 'quorum' } : one)),
    defaultQueueType: 'quorum',
  },
  'attributes of a queue that another client declares': withQueue('theirs', { durable: false, type: 'quorum' }),
  'an exclusive queue of a running role': {
    ...same,
    queues: [...same.queues, queue('mine', 'classic', { exclusive: true })],
  },
  'counts and states': withQueue('plain', { state: 'flow', counts: { messages: 5, consumers: 2 } }),
  'objects of other clients': {
    ...same,
    exchanges: [...same.exchanges, exchange('other', 'topic')],
    queues: [...same.queues, queue('other', 'stream')],
  },
  'bindings of other clients': withBindings((all) => [
    ...all,
    binding('orders', 'bill', 'more.*'),
    binding('other', 'bill', '#'),
    binding('orders', 'other', '#'),
  ]),
};

for (const [title, found] of Object.entries(noDrifts)) {
  test(`does not report ${title}`, () => assert.equal(compared(found).differences.map(lineOf), []));
}

test('a queue whose name is too long to replace it is blocked', () => {
  const name = 'q'.repeat(245);
  const content = { vhosts: { '/': { exchanges: ['e'], queues: [name], bindings: [`e -> ${name}`] } } };
  const found = { ...same, exchanges: [exchange('e', 'topic')], queues: [queue(name, 'quorum')], bindings: [] };
  const { differences } = compareTopology(wantedTopology(configOf(content), '/'), found);
  assert.equal(
    differences.map(({ action, kind }) => `${action} ${kind}`),
    ['blocked queue', 'create binding'],
  );
  assert.match(differences[0]?.why ?? '', "its name is too long for 'NAME.mq-replace'");
});

test('compares numbers by value, whatever their form in rascal.json is', () => {
  const config = configOf(JSON.stringify(file).replace('60000', '6.0e4'));
  assert.equal(compareTopology(wantedTopology(config, '/'), same).differences, []);
});

test('a default type of quorum does not apply to an auto-delete queue', () => {
  const config = configOf({ vhosts: { '/': { queues: { brief: { options: { autoDelete: true } } } } } });
  const found = { ...same, defaultQueueType: 'quorum', queues: [queue('brief', 'classic', { autoDelete: true })] };
  assert.equal(compareTopology(wantedTopology(config, '/'), found).differences, []);
});

test('needs the default queue type only for existing queues without a type', () => {
  const wanted = wantedTopology(configOf(file), '/');
  assert.is(needsDefaultType(wanted, same), true);
  assert.is(needsDefaultType(wanted, withoutNames('plain', 'audit')), false);
});

test('lists objects of others apart, and marks bindings between own objects', () => {
  const policy = { name: 'p', pattern: '.*', applyTo: 'all', priority: 0, definition: {} };
  const { others } = compared({
    exchanges: [...same.exchanges, exchange('other', 'topic')],
    queues: [...same.queues, queue('other', 'stream')],
    bindings: [...same.bindings, binding('orders', 'bill', 'x'), binding('other', 'bill', 'y')],
    policies: [policy],
  });
  assert.equal(
    { ...others, bindings: others.bindings.map(({ key, isBetweenOwn }) => [key, isBetweenOwn]) },
    {
      exchanges: [exchange('other', 'topic')],
      queues: [queue('other', 'stream')],
      bindings: [
        ['x', true],
        ['y', false],
      ],
      policies: [policy],
    },
  );
});

test('the risk of a queue is its counts, bindings of others and the gap', () => {
  const counts = { messages: 12, unacknowledged: 2, consumers: 1 };
  const other = binding('other', 'audit', 'k');
  const found = withQueue('audit', { counts, durable: false });
  const [one] = compared({ ...found, bindings: [...same.bindings, other] }).differences;
  assert.equal(one?.risk, { ...counts, otherBindings: [other], typicalGapMs: 25 });
});

test('the risk of a replaced exchange is the bindings of others from and to it', () => {
  const others = [binding('spill', 'other', ''), binding('other', 'spill', '', { destinationType: 'exchange' })];
  const found = withExchange('spill', { durable: false });
  const [one] = compared({ ...found, bindings: [...same.bindings, ...others] }).differences;
  assert.equal(one?.risk, { otherBindings: others });
});

test('counts that the broker does not report are not in the risk', () => {
  const [one] = compared(withQueue('audit', { durable: false })).differences;
  assert.equal(one?.risk, { otherBindings: [], typicalGapMs: 25 });
});

test('an argument that a policy already sets needs a change of rascal.json', () => {
  const found = withQueue('audit', { arguments: { 'x-team': 'a' }, policy: 'ttl' });
  const policy = { name: 'ttl', pattern: '.*', applyTo: 'queues', priority: 0, definition: { 'message-ttl': 60_000 } };
  const whyOf = (topology: Topology) => compared(topology).differences[0]?.why ?? '';
  assert.match(whyOf({ ...found, policies: [policy] }), /the policy of the queue already sets the same values/);
  assert.not.match(whyOf({ ...found, policies: [{ ...policy, definition: { 'message-ttl': 1 } }] }), /policy/);
});

test('names have the namespace and the suffix that Rascal adds', () => {
  const config = configOf({
    vhosts: {
      '/': {
        namespace: 'dev',
        exchanges: { e: { type: 'direct' } },
        queues: {
          q: { options: { arguments: { 'x-dead-letter-exchange': 'e', 'x-dead-letter-routing-key': 'k' } } },
          r: { replyTo: 'one' },
        },
        bindings: [{ source: 'e', destination: 'q', bindingKey: 'a', qualifyBindingKeys: true }, 'e[b] -> r'],
      },
    },
    subscriptions: { q: { queue: 'q' } },
    mq: { retry: { attempts: 1 } },
  });
  const { exchanges, queues, bindings } = wantedTopology(config, '/');
  assert.equal(
    exchanges.map(({ name }) => name),
    ['dev:e'],
  );
  assert.equal(
    queues.map(({ name }) => name),
    ['dev:q', 'dev:r:one', 'dev:q.retry.3000', 'dev:q.dead'],
  );
  assert.equal(queues[0]?.arguments, { 'x-dead-letter-exchange': 'dev:e', 'x-dead-letter-routing-key': 'k' });
  assert.equal(queues[2]?.for, 'dev:q');
  assert.equal(queues[2]?.arguments['x-dead-letter-routing-key'], 'dev:q');
  assert.equal(
    bindings.map(({ source, destination, key }) => [source, key, destination]),
    [
      ['dev:e', 'dev:a', 'dev:q'],
      ['dev:e', 'b', 'dev:r:one'],
    ],
  );
});

test.run();
