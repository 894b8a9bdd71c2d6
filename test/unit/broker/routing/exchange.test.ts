// Tests the exchange types: the destinations of a message, and the equality of bindings.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../../../src/broker/codec/arguments.ts';
import type { FieldValue, Table } from '../../../../src/broker/codec/table.ts';
import type { Queue } from '../../../../src/broker/queue/queue.ts';
import { bindingKey, Exchange, type ExchangeType } from '../../../../src/broker/routing/exchange.ts';
import { Steps } from '../../../../src/broker/routing/steps.ts';
import { declare, message, place } from '../queue-place.ts';

interface Row {
  readonly type: ExchangeType;
  /** Queue → binding key, or the arguments of the binding. */
  readonly bindings: Readonly<Record<string, string | Table>>;
  readonly key?: string;
  readonly headers?: Table;
  readonly expected: readonly string[];
}

const rows: readonly Row[] = [
  { type: 'direct', bindings: { a: 'k', b: 'k', c: 'other' }, key: 'k', expected: ['a', 'b'] },
  { type: 'direct', bindings: { a: 'k' }, key: 'K', expected: [] },
  { type: 'direct', bindings: { a: '' }, key: '', expected: ['a'] },
  { type: 'direct', bindings: { a: '*' }, key: 'k', expected: [] },
  { type: 'fanout', bindings: { a: 'k', b: '' }, key: 'other', expected: ['a', 'b'] },
  { type: 'topic', bindings: { a: '*.b', b: '#', c: 'a' }, key: 'a.b', expected: ['a', 'b'] },
  { type: 'topic', bindings: { a: '*.b' }, key: 'b', expected: [] },
  { type: 'headers', bindings: { a: { h: 1 }, b: { h: 2 } }, headers: { h: 1 }, expected: ['a'] },
  { type: 'headers', bindings: { a: { 'x-match': 'any', h: 1, i: 1 } }, headers: { i: 1 }, expected: ['a'] },
  { type: 'headers', bindings: { a: { h: 1, i: 1 } }, headers: { i: 1 }, expected: [] },
  { type: 'x-local-random', bindings: { a: '' }, key: 'k', expected: ['a'] },
  { type: 'x-local-random', bindings: {}, key: 'k', expected: [] },
  { type: 'x-modulus-hash', bindings: { a: '1', b: '1' }, key: 'k', expected: ['a'] },
  { type: 'x-modulus-hash', bindings: { a: '1', b: '1' }, key: 'l', expected: ['b'] },
  { type: 'x-modulus-hash', bindings: {}, key: 'k', expected: [] },
];

for (const { type, bindings, key = '', headers = {}, expected } of rows) {
  const what = headers === undefined || Object.keys(headers).length === 0 ? `'${key}'` : JSON.stringify(headers);
  test(`${type} ${JSON.stringify(bindings)} routes ${what} to ${expected.join(', ') || 'nothing'}`, () => {
    const { vhost } = place();
    const exchange = newExchange(type);
    for (const [name, binding] of Object.entries(bindings)) {
      const [routingKey, values] = typeof binding === 'string' ? [binding, {}] : ['', binding];
      assert.ok(exchange.add(bindingTo(exchange, declare(vhost, name), routingKey, values)));
    }
    const destinations = exchange.match(key, message({ body: 'm', properties: { headers } }), new Steps());
    assert.equal(destinations.map(({ name }) => name).sort(), expected);
  });
}

for (const type of ['direct', 'fanout', 'topic', 'headers', 'x-modulus-hash'] as const) {
  test(`${type} has each binding once and routes nothing after its removal`, () => {
    const exchange = newExchange(type);
    const binding = bindingTo(exchange, place().queue, 'k');
    assert.equal([exchange.add(binding), exchange.add({ ...binding })], [true, false]);
    assert.is(exchange.match('k', message('m'), new Steps()).length, 1);
    assert.is(exchange.remove({ ...binding }), binding);
    assert.is(exchange.remove(binding), undefined);
    assert.equal(exchange.match('k', message('m'), new Steps()), []);
  });
}

test('a binding to a new queue replaces one to a deleted queue of that name', () => {
  const exchange = newExchange('direct');
  const [deleted, recreated] = [place().queue, place().queue];
  exchange.add(bindingTo(exchange, deleted, 'k'));
  assert.ok(exchange.add(bindingTo(exchange, recreated, 'k')));
  const destinations = exchange.match('k', message('m'), new Steps());
  assert.is(destinations.length, 1);
  assert.ok(destinations[0] === recreated);
});

test('binding keys differ by kind, name, routing key and arguments', () => {
  const { vhost, queue } = place();
  const exchange = newExchange('direct');
  const named = declare(vhost, 'other');
  const same = newExchange('direct', {}, 'q');
  const keys = [
    bindingKey(bindingTo(exchange, queue, 'k')),
    bindingKey(bindingTo(exchange, named, 'k')),
    bindingKey(bindingTo(exchange, queue, 'l')),
    bindingKey(bindingTo(exchange, queue, 'k', { a: 1 })),
    bindingKey({ source: exchange, destination: same, routingKey: 'k', arguments: Arguments.none }),
  ];
  assert.is(new Set(keys).size, keys.length);
  const [one, other] = [
    { a: 1, b: 2 },
    { b: 2, a: 1 },
  ];
  assert.is(bindingKey(bindingTo(exchange, queue, '', one)), bindingKey(bindingTo(exchange, queue, '', other)));
});

test('the argument alternate-exchange has precedence over the policy', () => {
  const definition = { 'alternate-exchange': 'policy' };
  const policy = { policy: 'p', operatorPolicy: null, definition };
  const without = newExchange('direct');
  assert.is(without.alternate, undefined);
  without.apply(policy);
  assert.is(without.alternate, 'policy');
  const own = newExchange('direct', { 'alternate-exchange': 'argument' });
  own.apply(policy);
  assert.is(own.alternate, 'argument');
});

const routes = { direct: [true, true], fanout: [true, false], topic: [true, true], headers: [false, false] } as const;
for (const type of ['direct', 'fanout', 'topic', 'headers'] as const) {
  const [isPlain, matchesEachKey] = routes[type];
  test(`${type} routes by ${isPlain ? 'the routing key only' : 'more than the routing key'}`, () => {
    const exchange = newExchange(type);
    assert.equal([exchange.isPlain, exchange.matchesEachKey], [isPlain, matchesEachKey]);
    assert.not(newExchange(type, { 'alternate-exchange': 'other' }).isPlain);
  });
}

test('x-local-random refuses binding keys, exchanges and quorum queues', () => {
  const { vhost, queue } = place();
  const exchange = newExchange('x-local-random');
  const quorum = declare(vhost, 'quorum', { 'x-queue-type': 'quorum' });
  assert.throws(() => exchange.add(bindingTo(exchange, queue, 'k')), /Non empty binding 'k' key not permitted/);
  assert.throws(() => exchange.add(bindingTo(exchange, quorum, '')), /rabbit_quorum_queue not valid/);
  const binding = { source: exchange, destination: exchange, routingKey: '', arguments: Arguments.none };
  assert.throws(() => exchange.add(binding), /Destination not found/);
});

function newExchange(type: ExchangeType, values: Record<string, FieldValue> = {}, name = 'e'): Exchange {
  const flags = { isDurable: true, isAutoDelete: false, isInternal: false };
  return new Exchange({ name, vhost: '/', type, ...flags, arguments: Arguments.of(values) });
}

function bindingTo(source: Exchange, destination: Queue, routingKey: string, values: Table = {}) {
  return { source, destination, routingKey, arguments: Arguments.of(values) };
}

test.run();
