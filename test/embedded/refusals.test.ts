// Tests the refusals of the embedded broker, with RabbitMQ's codes and texts (4.3.6, measured with amqplib).

import type { ConfirmChannel, Message } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Place, refusal } from '../support/embedded.ts';

type Use = (channel: ConfirmChannel) => unknown;
const body = Buffer.from('x');

const cases: readonly [title: string, use: Use, code: number, text: string][] = [
  [
    'a NUL in the name of a queue',
    (c) => c.assertQueue('a\0b'),
    406,
    'PRECONDITION_FAILED - queue name contains a NUL character',
  ],
  [
    'a NUL in the name of an exchange',
    (c) => c.assertExchange('a\0b', 'direct'),
    406,
    'PRECONDITION_FAILED - exchange name contains a NUL character',
  ],
  [
    'a passive declaration of a missing queue',
    (c) => c.checkQueue('no'),
    404,
    "NOT_FOUND - no queue 'no' in vhost '/'",
  ],
  [
    'a passive declaration of a missing exchange',
    (c) => c.checkExchange('no'),
    404,
    "NOT_FOUND - no exchange 'no' in vhost '/'",
  ],
  [
    'a publish to a missing exchange',
    (c) => c.publish('no', 'k', body),
    404,
    "NOT_FOUND - no exchange 'no' in vhost '/'",
  ],
  ['a consumer of a missing queue', (c) => c.consume('no', () => {}), 404, "NOT_FOUND - no queue 'no' in vhost '/'"],
  ['a get without a queue', (c) => c.get(''), 404, 'NOT_FOUND - no previously declared queue'],
  [
    'a queue with another durability',
    async (c) => {
      await c.assertQueue('q1', { durable: true });
      await c.assertQueue('q1', { durable: false });
    },
    406,
    "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q1' in vhost '/': received 'false' but current is 'true'",
  ],
  [
    'a queue with another argument',
    async (c) => {
      await c.assertQueue('q2', { messageTtl: 5 });
      await c.assertQueue('q2', { messageTtl: 6 });
    },
    406,
    "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q2' in vhost '/': received '6' but current is '5'",
  ],
  [
    'an additional argument of a queue',
    async (c) => {
      await c.assertQueue('q3');
      await c.assertQueue('q3', { messageTtl: 6 });
    },
    406,
    "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q3' in vhost '/': received the value '6' of type 'byte' but current is none",
  ],
  [
    'an exchange with another type',
    async (c) => {
      await c.assertExchange('x1', 'direct');
      await c.assertExchange('x1', 'fanout');
    },
    406,
    "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x1' in vhost '/': received 'fanout' but current is 'direct'",
  ],
  [
    'an unknown type of exchange',
    (c) => c.assertExchange('x', 'odd'),
    406,
    "PRECONDITION_FAILED - unknown exchange type 'odd'",
  ],
  [
    'a negative time to live',
    (c) => c.assertQueue('q', { arguments: { 'x-message-ttl': -1 } }),
    406,
    "PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'q' in vhost '/': {value_negative,-1}",
  ],
  [
    'a queue of an unknown type',
    (c) => c.assertQueue('q', { arguments: { 'x-queue-type': 'other' } }),
    406,
    `PRECONDITION_FAILED - invalid arg 'x-queue-type' for queue 'q' in vhost '/': "unsupported queue type 'other'"`,
  ],
  [
    'a quorum queue that is not durable',
    (c) => c.assertQueue('q', { durable: false, arguments: { 'x-queue-type': 'quorum' } }),
    406,
    "PRECONDITION_FAILED - invalid property 'non-durable' for queue 'q' in vhost '/'",
  ],
  [
    'a queue with a reserved name',
    (c) => c.assertQueue('amq.q'),
    403,
    "ACCESS_REFUSED - queue name 'amq.q' contains reserved prefix 'amq.*'",
  ],
  [
    'an exchange with a reserved name',
    (c) => c.assertExchange('amq.x', 'direct'),
    403,
    "ACCESS_REFUSED - exchange name 'amq.x' contains reserved prefix 'amq.*'",
  ],
  [
    'the deletion of a predeclared exchange',
    (c) => c.deleteExchange('amq.direct'),
    403,
    "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed",
  ],
  [
    'a binding to the default exchange',
    (c) => c.bindExchange('amq.direct', '', 'k'),
    403,
    'ACCESS_REFUSED - operation not permitted on the default exchange',
  ],
  [
    'a publish to an internal exchange',
    async (c) => {
      await c.assertExchange('in', 'direct', { internal: true });
      c.publish('in', 'k', body);
    },
    403,
    "ACCESS_REFUSED - cannot publish to internal exchange 'in' in vhost '/'",
  ],
  [
    'the deletion of a queue that is not empty',
    async (c) => {
      await c.assertQueue('full');
      c.sendToQueue('full', body);
      await c.waitForConfirms();
      await c.deleteQueue('full', { ifEmpty: true });
    },
    406,
    "PRECONDITION_FAILED - queue 'full' in vhost '/' not empty",
  ],
  [
    'the deletion of a queue that is used',
    async (c) => {
      await c.assertQueue('used');
      await c.consume('used', () => {});
      await c.deleteQueue('used', { ifUnused: true });
    },
    406,
    "PRECONDITION_FAILED - queue 'used' in vhost '/' in use",
  ],
  [
    'an unknown delivery tag',
    (c) => c.ack({ fields: { deliveryTag: 9 } } as never),
    406,
    'PRECONDITION_FAILED - unknown delivery tag 9',
  ],
  [
    'an expiration that is not a number',
    (c) => c.publish('', 'k', body, { expiration: 'soon' }),
    406,
    "PRECONDITION_FAILED - invalid expiration 'soon': no_integer",
  ],
  [
    'a user-id of another user',
    (c) => c.publish('', 'k', body, { userId: 'bob' }),
    406,
    "PRECONDITION_FAILED - user_id property set to 'bob' but authenticated user was 'guest'",
  ],
  [
    'a CC header that is not a list',
    (c) => c.publish('', 'k', body, { headers: { CC: 'k' } }),
    406,
    'PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}',
  ],
  [
    'a reply consumer with acknowledgements',
    (c) => c.consume('amq.rabbitmq.reply-to', () => {}),
    406,
    'PRECONDITION_FAILED - reply consumer cannot acknowledge',
  ],
  [
    'a reply address without a consumer',
    (c) => c.publish('', 'k', body, { replyTo: 'amq.rabbitmq.reply-to' }),
    406,
    'PRECONDITION_FAILED - fast reply consumer does not exist',
  ],
  [
    'a consumer tag that is already in use',
    async (c) => {
      await c.assertQueue('tags');
      await c.consume('tags', () => {}, { consumerTag: 't' });
      await c.consume('tags', () => {}, { consumerTag: 't' });
    },
    530,
    "NOT_ALLOWED - attempt to reuse consumer tag 't'",
  ],
  [
    'an exclusive consumer of a queue with a single active consumer',
    async (c) => {
      await c.assertQueue('sac', { arguments: { 'x-single-active-consumer': true } });
      await c.consume('sac', () => {}, { exclusive: true });
    },
    403,
    "ACCESS_REFUSED - queue 'sac' in vhost '/' in exclusive use",
  ],
  [
    'an acknowledgement (multiple) of an acknowledged tag',
    async (c) => {
      await c.assertQueue('q5');
      for (let left = 3; left > 0; left--) c.sendToQueue('q5', body);
      await c.waitForConfirms();
      for (let left = 3; left > 0; left--) await c.get('q5');
      c.ack({ fields: { deliveryTag: 2 } } as Message);
      c.ack({ fields: { deliveryTag: 2 } } as Message, true);
      await c.checkQueue('q5');
    },
    406,
    'PRECONDITION_FAILED - unknown delivery tag 2',
  ],
  [
    'an argument with another number type',
    async (c) => {
      await c.assertQueue('q6', { arguments: { 'x-message-ttl': 10 } });
      await c.assertQueue('q6', { arguments: { 'x-message-ttl': { '!': 'double', value: 10 } } });
    },
    406,
    "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q6' in vhost '/': received '10.0' but current is '10'",
  ],
  ...(
    [
      [{ 'x-message-ttl': 315_360_000_001 }, '{value_too_large,315360000001}'],
      [{ 'x-expires': 315_360_000_001 }, '{value_too_large,315360000001}'],
      [{ 'x-queue-leader-locator': 'moon' }, 'invalid_queue_locator_arg'],
      [{ 'x-dead-letter-strategy': 'always', 'x-queue-type': 'quorum' }, 'invalid_dlx_strategy'],
      [{ 'x-quorum-initial-group-size': 0, 'x-queue-type': 'quorum' }, '{value_zero,0}'],
      [{ 'x-quorum-initial-group-size': '1', 'x-queue-type': 'quorum' }, '"expected integer, got longstr"'],
    ] as const
  ).map(([all, problem]): (typeof cases)[number] => [
    `the argument ${JSON.stringify(all)}`,
    (c) => c.assertQueue('q7', { arguments: all }),
    406,
    `PRECONDITION_FAILED - invalid arg '${Object.keys(all)[0]}' for queue 'q7' in vhost '/': ${problem}`,
  ]),
  [
    'x-max-in-memory-length on a classic queue',
    (c) => c.assertQueue('q7', { arguments: { 'x-max-in-memory-length': 3 } }),
    406,
    "PRECONDITION_FAILED - invalid arg 'x-max-in-memory-length' for queue 'q7' in vhost '/' of queue type rabbit_classic_queue",
  ],
  [
    'a binding without a queue',
    (c) => c.bindQueue('no', 'amq.direct', 'k'),
    404,
    "NOT_FOUND - no queue 'no' in vhost '/'",
  ],
];

for (const [title, use, code, text] of cases) {
  test(`${title} is ${code}`, () =>
    Place.with({}, async (place) => {
      const channel = await place.channel();
      assert.equal(await refusal(channel, () => use(channel)), { code, text });
    }));
}

test("another connection's exclusive queue is 405", () =>
  Place.with({}, async (place) => {
    const [one, two] = [await place.channel(), await place.channel()];
    await one.assertQueue('mine', { exclusive: true });
    const { code, text } = await refusal(two, () => two.checkQueue('mine'));
    assert.is(code, 405);
    assert.match(
      text,
      /^RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '\/'\. It could be/,
    );
  }));

test('after a refusal the connection works and the channel can be reused', () =>
  Place.with({}, async (place) => {
    const connection = await place.connection();
    for (let round = 0; round < 3; round++) {
      const channel = await place.channel(connection);
      await refusal(channel, () => channel.checkQueue('no'));
    }
    await (await place.channel(connection)).assertQueue('yes');
  }));

test('ignores the order of the arguments of a binding', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    await channel.assertExchange('x', 'headers');
    await channel.assertQueue('q');
    await channel.bindQueue('q', 'x', 'k', { a: 1, b: 2 });
    await channel.bindQueue('q', 'x', 'k', { b: 2, a: 1 });
    const { bindings } = place.broker.vhosts.get('/')?.exchanges.get('x') ?? {};
    assert.is(bindings?.size, 1);
    await channel.unbindQueue('q', 'x', 'k', { b: 2, a: 1 });
    assert.is(bindings?.size, 0);
  }));

test('a quorum queue ignores the exclusive flag of a consumer', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    await channel.assertQueue('q', { arguments: { 'x-queue-type': 'quorum' } });
    for (const exclusive of [true, false, true]) await channel.consume('q', () => {}, { exclusive });
    assert.is((await channel.checkQueue('q')).consumerCount, 3);
  }));

test("refuses to unbind another connection's exclusive queue", () =>
  Place.with({}, async (place) => {
    const [one, two] = [await place.channel(), await place.channel()];
    await one.assertQueue('mine', { exclusive: true });
    await one.bindQueue('mine', 'amq.direct', 'k');
    await two.unbindQueue('mine', 'amq.direct', 'other');
    const { code } = await refusal(two, () => two.unbindQueue('mine', 'amq.direct', 'k'));
    assert.is(code, 405);
    assert.is(place.broker.vhosts.get('/')?.exchanges.get('amq.direct')?.bindings.size, 1);
  }));

test('accepts connection.update-secret', () =>
  Place.with({}, async (place) => {
    const connection = await place.connection();
    await connection.updateSecret(Buffer.from('new'), 'renewal');
    await place.channel(connection);
  }));

test('deletes and unbinds missing objects without an error', () =>
  Place.with({}, async (place) => {
    const channel = await place.channel();
    assert.is((await channel.deleteQueue('no')).messageCount, 0);
    await channel.deleteExchange('no');
    await channel.unbindQueue('no', 'amq.direct', 'k');
    await channel.unbindExchange('no', 'amq.direct', 'k');
    await channel.cancel('no');
  }));

test.run();
