// The bounds of the work that routing one message may cost.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../../../src/broker/codec/arguments.ts';
import { declare, message, place } from '../queue-place.ts';

test('a message whose further keys many exchanges look up is refused, also if few bindings match', () => {
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

test('a message is refused if a headers exchange has too many fields to compare it with', () => {
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
