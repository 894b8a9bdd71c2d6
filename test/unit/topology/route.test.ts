// Tests the routes through one topology: choices, alternate exchanges, circles, and how messages leave queues. The broker's
// own tests cover the matching; test/scenarios/route.test.ts compares it with brokers.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { propertyBytes } from '../../../src/session/wire.ts';
import { type Departure, type Route, router } from '../../../src/topology/route.ts';
import type { Topology, TopologyExchange, TopologyQueue } from '../../../src/topology/topology.ts';

const base = { durable: true, autoDelete: false };
const exchange = (name: string, type: string, all = {}, more = {}): TopologyExchange => {
  return { ...base, name, type, internal: false, arguments: all, ...more };
};
const queue = (name: string, all = {}, more: Partial<TopologyQueue> = {}): TopologyQueue => {
  return { ...base, name, type: undefined, exclusive: false, arguments: all, ...more };
};
/** Returns the bindings of lines such as `e key queue` and `e key exchange f`. */
const bound = (...lines: readonly string[]) =>
  lines.map((line) => {
    const [source = '', key = '', ...to] = line.split(' ');
    const destinationType = to.length > 1 ? ('exchange' as const) : ('queue' as const);
    return { source, key, destination: to.at(-1) ?? '', destinationType, arguments: {} };
  });
const alternate = (name: string) => ({ 'alternate-exchange': name });
const deadLetter = (to: string, key?: string) => ({
  'x-dead-letter-exchange': to,
  ...(key !== undefined && { 'x-dead-letter-routing-key': key }),
});

interface Message {
  readonly key?: string;
  readonly properties?: object;
}

function route(topology: Partial<Topology>, to: string, { key = 'k', properties = {} }: Message = {}): Route {
  const all = { exchanges: [], queues: [], bindings: [], policies: [], ...topology };
  return router(all)({ exchange: to, key, properties: propertyBytes(properties) });
}

/** Returns `q`, or `q?` for a queue that is not certain. */
function queues({ queues: all }: Pick<Route, 'queues'>): string[] {
  return all.map(({ name, isCertain }) => `${name}${isCertain ? '' : '?'}`);
}

test('a type that chooses one destination makes its queues uncertain', () => {
  for (const type of ['x-consistent-hash', 'x-random', 'x-modulus-hash', 'x-local-random']) {
    const exchanges = [exchange('e', type), exchange('f', 'fanout')];
    const both = { exchanges, queues: [queue('a'), queue('b')], bindings: bound('e 1 a', 'e 2 exchange f', 'f x b') };
    const found = route(both, 'e');
    assert.equal(queues(found), ['a?', 'b?'], type);
    assert.is(found.visits[0]?.choice, 'one');
    assert.equal(queues(route({ ...both, bindings: bound('e 1 a') }, 'e')), ['a'], type);
  }
});

test('an unknown type may take each binding or its alternate exchange', () => {
  const exchanges = [exchange('e', 'x-jms-topic', alternate('f')), exchange('f', 'fanout')];
  const found = route({ exchanges, queues: [queue('a'), queue('b')], bindings: bound('e s a', 'f x b') }, 'e');
  assert.equal(queues(found), ['a?', 'b?']);
  assert.is(found.visits[0]?.choice, 'some');
});

test('plugin types without a choice are computed', () => {
  const delayed = exchange('e', 'x-delayed-message', { 'x-delayed-type': 'topic' });
  const topology = { queues: [queue('a'), queue('b')], bindings: bound('e k a', 'e other b') };
  assert.equal(queues(route({ ...topology, exchanges: [delayed] }, 'e')), ['a']);
  assert.equal(queues(route({ ...topology, exchanges: [exchange('e', 'x-recent-history')] }, 'e')), ['a', 'b']);
});

test('an alternate exchange is used only if no binding matches', () => {
  const exchanges = [exchange('e', 'direct', alternate('f')), exchange('f', 'fanout')];
  const topology = { exchanges, queues: [queue('a'), queue('b')], bindings: bound('e k a', 'f x b') };
  assert.equal(queues(route(topology, 'e')), ['a']);
  const { visits, ...other } = route(topology, 'e', { key: 'other' });
  assert.equal(queues(other), ['b']);
  assert.equal(visits[0]?.alternate, { exchange: 'f', exists: true });
  const missing = route({ exchanges: [exchange('e', 'direct', alternate('gone'))] }, 'e');
  assert.equal([queues(missing), missing.visits[0]?.alternate], [[], { exchange: 'gone', exists: false }]);
});

test('a policy sets an alternate exchange, and an argument overrides it', () => {
  const policies = [{ name: 'p', pattern: '', applyTo: 'all', priority: 0, definition: alternate('f') }];
  const topology = { policies, queues: [queue('a'), queue('b')], bindings: bound('f x a', 'g x b') };
  const [f, g] = [exchange('f', 'fanout'), exchange('g', 'fanout')];
  const found = (all: object) =>
    queues(route({ ...topology, exchanges: [exchange('e', 'direct', all, { policy: 'p' }), f, g] }, 'e'));
  assert.equal([found({}), found(alternate('g'))], [['a'], ['b']]);
});

test('the keys of CC and BCC, the default exchange and amq.* are routed', () => {
  const topology = { exchanges: [exchange('e', 'direct')], queues: [queue('a'), queue('b'), queue('c')] };
  const properties = { headers: { CC: ['b'], BCC: ['c'] } };
  assert.equal(queues(route(topology, '', { key: 'a', properties })), ['a', 'b', 'c']);
  assert.equal(queues(route({ ...topology, bindings: bound('e b b', 'e c c') }, 'e', { properties })), ['b', 'c']);
  assert.equal(queues(route({ ...topology, bindings: bound('amq.topic # a') }, 'amq.topic')), ['a']);
  assert.throws(() => route(topology, 'e', { properties: { headers: { CC: 'b' } } }), /unacceptable_type_in_header/);
});

test('a queue shows when a message leaves it', () => {
  const all = [
    queue('plain'),
    queue('ttl', { 'x-message-ttl': 5000 }),
    queue('ruled', { 'x-message-ttl': 5000 }, { policySettings: { 'message-ttl': 3000, 'max-length': 5 } }),
    queue('full', { 'x-max-length': 1, 'x-overflow': 'reject-publish' }),
    queue('safe', {}, { type: 'quorum' }),
    queue('endless', { 'x-delivery-limit': -1 }, { type: 'quorum' }),
    queue('log', { 'x-message-ttl': 1 }, { type: 'stream' }),
  ];
  const topology = { exchanges: [exchange('e', 'fanout')], queues: all };
  const bindings = all.map(({ name }) => ({ ...bound('e k x')[0], destination: name })) as Topology['bindings'];
  const shown = (properties: object) =>
    route({ ...topology, bindings }, 'e', { properties }).departures.map(({ key: _, ...one }) => one);
  const kept: readonly Partial<Departure>[] = [
    { queue: 'ttl', expiresAfterMs: 5000, hasMaxLength: false },
    { queue: 'ruled', expiresAfterMs: 3000, hasMaxLength: true },
    { queue: 'safe', hasMaxLength: false, deliveryLimit: 20 },
  ];
  assert.equal(shown({}), kept);
  assert.is(shown({ expiration: '10' })[0]?.queue, 'plain');
  assert.is(shown({ expiration: '10' })[0]?.expiresAfterMs, 10);
});

test('dead letters keep their key unless the queue sets one', () => {
  const exchanges = [exchange('e', 'fanout'), exchange('dlx', 'topic')];
  const all = [queue('a', deadLetter('dlx')), queue('b', deadLetter('dlx', 'dead')), queue('kept'), queue('dead')];
  const bindings = bound('e x a', 'e x b', 'dlx k kept', 'dlx dead dead');
  const { departures } = route({ exchanges, queues: all, bindings }, 'e');
  assert.equal(
    departures.map(({ queue: from, deadLetter: letter }) => [from, letter?.key, letter && queues(letter)]),
    [
      ['a', 'k', ['kept']],
      ['b', 'dead', ['dead']],
    ],
  );
});

test('a dead letter without a queue is lost', () => {
  const exchanges = [exchange('dlx', 'direct')];
  const all = [queue('a', deadLetter('dlx')), queue('b', deadLetter('gone'))];
  for (const [name, count] of [
    ['a', 1],
    ['b', 0],
  ] as const) {
    const [departure] = route({ exchanges, queues: all }, '', { key: name }).departures;
    assert.is(departure?.deadLetter?.visits.length, count);
    assert.equal(departure?.deadLetter?.queues, []);
  }
});

test('a circle of dead letters ends, and shows where RabbitMQ drops them', () => {
  const back = { 'x-message-ttl': 1000, ...deadLetter('', 'work') };
  const cycles = (work: object) =>
    route({ queues: [queue('work', work), queue('wait', back)] }, '', { key: 'work' }).departures.flatMap(
      ({ queue: from, deadLetter: letter }) =>
        letter?.queues.map(({ name, isCycle }) => `${from} ${name} ${isCycle ? 'dropped' : 'again'}`),
    );
  assert.equal(cycles(deadLetter('', 'wait')), ['work wait again', 'wait work again']);
  assert.equal(cycles({ 'x-message-ttl': 1, ...deadLetter('', 'wait') }), ['work wait again', 'wait work dropped']);
});

test('bindings of exchanges in a circle reach each queue once', () => {
  const exchanges = [exchange('e', 'fanout'), exchange('f', 'fanout')];
  const bindings = bound('e x exchange f', 'f x exchange e', 'e x a', 'f x a');
  const found = route({ exchanges, queues: [queue('a')], bindings }, 'e');
  assert.equal(queues(found), ['a']);
  assert.equal(
    found.visits.map((one) => one.exchange),
    ['e', 'f'],
  );
});

test.run();
