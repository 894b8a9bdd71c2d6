// Tests which dead letters are republished instead of requeued, and with which headers.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../../src/errors.ts';
import { Renewal } from '../../../../src/roles/dead-letters/renewal.ts';
import type { OutgoingMessage, PublishOutcome } from '../../../../src/session/outgoing-message.ts';
import type { Publisher } from '../../../../src/session/publisher.ts';
import type { RawMessage } from '../../../../src/session/wire.ts';

const rabbit40 = { product: 'RabbitMQ', version: '4.0.5' };
const rabbit43 = { product: 'RabbitMQ', version: '4.3.6' };
const quorum = { 'x-queue-type': 'quorum' };

function letter(headers: object, { exchange = '', routingKey = 'dead' } = {}): RawMessage {
  const fields = { exchange, routingKey, redelivered: true, deliveryTag: 1, consumerTag: 'c' };
  return { content: Buffer.from('x'), fields, properties: { messageId: 'm', userId: 'u', headers: { ...headers } } };
}

function withRenewal(
  declared: Readonly<Record<string, unknown>> | undefined,
  sent: PublishOutcome = { type: 'confirmed' } as PublishOutcome,
) {
  const published: OutgoingMessage[] = [];
  const publish = async (message: OutgoingMessage) => {
    published.push(message);
    return sent;
  };
  const open = async () => ({ room: async () => undefined, publish }) as unknown as Publisher;
  return { renewal: new Renewal({ queue: 'dead', declared, open, nextId: () => 'new' }), published };
}

for (const [returns, declared, server, isNeeded] of [
  [undefined, undefined, rabbit40, false],
  [1, undefined, rabbit40, false],
  [2, undefined, rabbit40, true],
  [9, quorum, rabbit40, false],
  [10, quorum, rabbit40, true],
  [3, { ...quorum, 'x-delivery-limit': 3 }, rabbit40, true],
  [undefined, { ...quorum, 'x-delivery-limit': 0 }, rabbit40, true],
  [99, { ...quorum, 'x-delivery-limit': -1 }, rabbit40, false],
  [undefined, { 'x-queue-type': 'classic' }, rabbit40, false],
  [10, quorum, rabbit43, false],
] as const) {
  const name = `${returns} returns, ${JSON.stringify(declared)}, ${server.version}`;
  test(`${isNeeded ? 'republishes' : 'returns'} a letter: ${name}`, () => {
    const headers = returns === undefined ? {} : { 'x-delivery-count': returns };
    assert.is(withRenewal(declared).renewal.isNeeded(letter(headers), server), isNeeded);
  });
}

test("republishes a letter without the broker's counters", async () => {
  const { renewal, published } = withRenewal(undefined);
  const headers = { shade: 'a', 'x-mq-queue': 'jobs', 'x-mq-attempt': 3, 'x-delivery-count': 2, CC: ['other'] };
  const done: string[] = [];
  await renewal.republish({ raw: letter(headers), remove: () => done.push('removed'), leave: () => done.push('left') });
  assert.equal(done, ['removed']);
  assert.equal(published, [
    {
      ...{ exchange: '', routingKey: 'dead', body: Buffer.from('x'), mandatory: true },
      properties: { messageId: 'm', headers: { shade: 'a', 'x-mq-queue': 'jobs', 'x-mq-attempt': 3 } },
    },
  ]);
});

test('marks a letter from an exchange as untrusted, and adds its origin', async () => {
  const { renewal, published } = withRenewal(undefined);
  const headers = { 'x-mq-queue': 'dead', 'x-mq-attempt': 9, 'x-mq-unproven': false };
  const raw = letter(headers, { exchange: 'logs', routingKey: 'key' });
  await renewal.republish({ raw, remove: () => undefined, leave: () => undefined });
  assert.equal(published[0]?.properties.headers, {
    ...{ 'x-mq-exchange': 'logs', 'x-mq-routing-key': 'key', 'x-mq-unproven': true },
  });
});

test('requeues a letter that cannot be republished, and reports it', async () => {
  const error = new MqError('NOT_PERMITTED', 'access refused');
  const { renewal } = withRenewal(undefined, { type: 'refused', error } as PublishOutcome);
  const done: string[] = [];
  await renewal.republish({ raw: letter({}), remove: () => done.push('removed'), leave: () => done.push('left') });
  assert.equal(done, ['left']);
  assert.match(renewal.report(), /^cannot publish 1 message of dead again: access refused; .*\n$/);
});

test.run();
