// Tests the routing through exchanges to queues, and the limit of its cost.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../../../src/broker/codec/arguments.ts';
import { declare, message, place } from '../queue-place.ts';

interface Row {
  readonly title: string;
  /**
   * Exchange → type and bindings. A binding is a destination with its binding key, or only a destination, bound with `k`.
   * Exchanges have names in capitals.
   */
  readonly exchanges: Readonly<Record<string, readonly [type: string, ...bindings: (string | [string, string])[]]>>;
  /** Exchange → alternate exchange. */
  readonly alternates?: Readonly<Record<string, string>>;
  readonly key?: string;
  readonly moreKeys?: readonly string[];
  readonly deleted?: string;
  readonly expected: readonly string[];
}

const rows: readonly Row[] = [
  { title: 'to the queues of its bindings', exchanges: { A: ['direct', 'a', 'b'] }, expected: ['a', 'b'] },
  { title: 'to no queue without a binding', exchanges: { A: ['direct', ['a', 'other']] }, expected: [] },
  { title: 'past a deleted queue', exchanges: { A: ['direct', 'a', 'b'] }, deleted: 'a', expected: ['b'] },
  {
    title: 'through bindings between exchanges',
    exchanges: { A: ['fanout', 'B'], B: ['fanout', 'a'] },
    expected: ['a'],
  },
  {
    title: 'once to a queue with several routes',
    exchanges: { A: ['fanout', 'a', 'B', 'C'], B: ['fanout', 'a'], C: ['fanout', 'a', 'b'] },
    expected: ['a', 'b'],
  },
  {
    title: 'through a cycle of exchanges',
    exchanges: { A: ['fanout', 'B'], B: ['fanout', 'A', 'a'] },
    expected: ['a'],
  },
  {
    title: 'to the alternate exchange if no binding matches',
    exchanges: { A: ['direct', ['a', 'other']], B: ['fanout', 'b'] },
    alternates: { A: 'B' },
    expected: ['b'],
  },
  {
    title: 'past the alternate exchange if a binding matches',
    exchanges: { A: ['direct', 'a'], B: ['fanout', 'b'] },
    alternates: { A: 'B' },
    expected: ['a'],
  },
  {
    title: 'to the alternate exchange if the only destination is deleted',
    exchanges: { A: ['direct', 'a'], B: ['fanout', 'b'] },
    alternates: { A: 'B' },
    deleted: 'a',
    expected: ['b'],
  },
  {
    title: 'to no queue if the alternate exchange does not exist',
    exchanges: { A: ['direct'] },
    alternates: { A: 'missing' },
    expected: [],
  },
  {
    title: 'through several alternate exchanges',
    exchanges: { A: ['direct'], B: ['direct'], C: ['fanout', 'c'] },
    alternates: { A: 'B', B: 'C' },
    expected: ['c'],
  },
  {
    title: 'by each additional routing key through a direct exchange',
    exchanges: { A: ['direct', 'a', ['b', 'cc'], ['c', 'other']] },
    moreKeys: ['cc'],
    expected: ['a', 'b'],
  },
  {
    title: 'once through a fanout exchange with additional routing keys',
    exchanges: { A: ['fanout', 'a'] },
    moreKeys: ['cc', 'k'],
    expected: ['a'],
  },
];

for (const { title, exchanges, alternates = {}, key = 'k', moreKeys, deleted, expected } of rows) {
  test(`routes ${title}`, () => {
    const { vhost } = place();
    for (const [exchange, [type]] of Object.entries(exchanges)) {
      const alternate = alternates[exchange];
      const values = alternate === undefined ? {} : { 'alternate-exchange': alternate };
      const kind = { type, durable: false, autoDelete: false, internal: false };
      vhost.declareExchange({ ...kind, exchange, arguments: Arguments.of(values) });
    }
    for (const [source, [, ...bindings]] of Object.entries(exchanges)) {
      for (const each of bindings) {
        const [destination, routingKey] = typeof each === 'string' ? [each, 'k'] : each;
        const isQueue = destination === destination.toLowerCase();
        if (isQueue) declare(vhost, destination);
        vhost.bind({ source, destination, isQueue, routingKey, arguments: Arguments.none });
      }
    }
    if (deleted !== undefined) vhost.queue(deleted, undefined).isDeleted = true;
    const queues = vhost.route(vhost.exchange('A'), message({ body: 'm', routingKey: key, moreKeys }));
    assert.equal(queues.map(({ name }) => name).sort(), expected);
  });
}

test('routes from the default exchange to the queues of all routing keys', () => {
  const { vhost } = place();
  declare(vhost, 'a');
  const sent = message({ body: 'm', moreKeys: ['a', 'missing', 'q'] });
  assert.equal(
    vhost.route(vhost.exchange(''), sent).map(({ name }) => name),
    ['q', 'a'],
  );
  assert.equal(vhost.route(vhost.exchange(''), message({ body: 'm', routingKey: 'missing' })), []);
});

test('refuses a message with too many routing keys for its exchanges', () => {
  const { vhost } = place();
  const names = Array.from({ length: 10 }, (_, index) => `exchange ${index}`);
  for (const exchange of names) {
    const kind = { type: 'direct', durable: false, autoDelete: false, internal: false };
    vhost.declareExchange({ ...kind, exchange, arguments: Arguments.none });
    const binding = { source: 'amq.direct', destination: exchange, isQueue: false, routingKey: 'q' };
    vhost.bind({ ...binding, arguments: Arguments.none });
  }
  const moreKeys = Array.from({ length: 60_000 }, (_, index) => String(index));
  const many = message({ body: 'a', moreKeys });
  assert.throws(() => vhost.route(vhost.exchange('amq.direct'), many), /routing_too_expensive/);
  assert.equal(vhost.route(vhost.exchange('amq.direct'), message({ body: 'a', moreKeys: ['one', 'two'] })), []);
});

test('refuses a message for which a headers exchange compares too many fields', () => {
  const { vhost } = place();
  const fields = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`field ${index}`, index]));
  const every = Arguments.of({ 'x-match': 'any', ...fields });
  for (let index = 0; index < 40; index++) {
    const { name } = declare(vhost, `queue ${index}`);
    vhost.bind({ source: 'amq.headers', destination: name, isQueue: true, routingKey: '', arguments: every });
  }
  const exchange = vhost.exchange('amq.headers');
  const unlike = message({ body: 'a', properties: { headers: { 'field 9999': 'text' } } });
  assert.throws(() => vhost.route(exchange, unlike), /routing_too_expensive/);
  const like = message({ body: 'a', properties: { headers: { 'field 0': 0 } } });
  assert.is(vhost.route(exchange, like).length, 40);
});

test.run();
