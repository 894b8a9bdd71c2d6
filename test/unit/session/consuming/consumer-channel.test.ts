// Compares the answers of a consumer's channel with a plain model of the broker.

import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Channel } from '../../../../src/session/channel.ts';
import { ConsumerChannel } from '../../../../src/session/consuming/consumer-channel.ts';
import type { Delivery } from '../../../../src/session/consuming/delivery.ts';
import { newCounts } from '../../../../src/session/counts.ts';
import type { RawMessage } from '../../../../src/session/raw-message.ts';
import { type Random, randomOf } from '../../../support/random.ts';

/** Consumes on a channel of a fake broker, which fails if an answer names a delivery that is not open. */
async function consuming({ isNoAck = false } = {}) {
  const open = new Set<number>();
  /** The broker's record of the answer to each delivery. */
  const answered = new Map<number, string>();
  const deliveries: Delivery[] = [];
  const counts = newCounts();
  const state = { isCurrent: true, errors: [] as string[] };
  let onMessage: (raw: RawMessage) => void = () => assert.unreachable();
  const settle = ({ fields: { deliveryTag } }: RawMessage, answer: string, isMultiple = false) => {
    if (!open.has(deliveryTag)) state.errors.push(`${answer}: unknown delivery tag ${deliveryTag}`);
    for (const tag of isMultiple ? [...open].filter((one) => one <= deliveryTag) : [deliveryTag]) {
      open.delete(tag);
      answered.set(tag, answer);
    }
  };
  const channel = Object.assign(new EventEmitter(), {
    consume: (_queue: string, listener: typeof onMessage, _options: object, next: (...args: unknown[]) => void) => {
      onMessage = listener;
      next(null, { consumerTag: 'c' });
    },
    ack: (raw: RawMessage, isMultiple: boolean) => settle(raw, 'ack', isMultiple),
    nack: (raw: RawMessage, isMultiple: boolean, requeue: boolean) =>
      settle(raw, requeue ? 'nack-requeue' : 'nack', isMultiple),
    reject: (raw: RawMessage, requeue: boolean) => settle(raw, requeue ? 'reject-requeue' : 'reject'),
  });
  const consumer = new ConsumerChannel(channel as unknown as Channel, {
    ...{ queue: 'q', isKept: true, isNoAck, prefetch: 0, counts },
    isCurrent: () => state.isCurrent,
    stream: { offsetOf: () => undefined, accept: () => true, settle: () => false },
    onDelivery: (delivery) => deliveries.push(delivery),
    onCancel: () => assert.unreachable(),
  });
  await consumer.consume({});
  const deliver = () => {
    const deliveryTag = deliveries.length + 1;
    open.add(deliveryTag);
    const fields = { exchange: '', routingKey: 'q', redelivered: false, deliveryTag, consumerTag: 'c' };
    onMessage({ content: Buffer.alloc(0), fields, properties: {} });
  };
  return { open, answered, deliveries, counts, state, deliver, unanswered: consumer.unanswered };
}

const answers: Readonly<Record<string, (delivery: Delivery) => boolean>> = {
  ack: (delivery) => delivery.ack(),
  nack: (delivery) => delivery.nack(false),
  'nack-requeue': (delivery) => delivery.nack(true),
  reject: (delivery) => delivery.reject(false),
  'reject-requeue': (delivery) => delivery.reject(true),
};

function pickAnswer(random: Random): string {
  return random.pick(['ack', 'ack', 'ack', 'ack', ...Object.keys(answers)]);
}

test('the broker receives the first answer to each delivery, in any order', async () => {
  for (let seed = 1; seed <= 150; seed += 1) {
    const random = randomOf(seed);
    const { open, answered, deliveries, counts, state, deliver, unanswered } = await consuming();
    const expected = new Map<number, string>();
    let delivered = 0;
    for (let step = 0; step < 120; step += 1) {
      if (random.chance(0.5)) {
        deliver();
        delivered += 1;
        continue;
      }
      const delivery = deliveries[Math.max(0, deliveries.length - 1 - random.below(10))];
      if (!delivery) continue;
      const { deliveryTag } = delivery.raw.fields;
      const answer = pickAnswer(random);
      assert.is(answers[answer]?.(delivery), !expected.has(deliveryTag), `seed ${seed}`);
      if (!expected.has(deliveryTag)) expected.set(deliveryTag, answer);
      assert.is(unanswered.size, delivered - expected.size, `seed ${seed}`);
      if (!random.chance(0.2)) continue;
      await turn();
      // After each turn, the broker knows every answer.
      assert.equal([open.size, state.errors], [delivered - expected.size, []], `seed ${seed}`);
    }
    await turn();
    assert.equal([...answered].sort(), [...expected].sort(), `seed ${seed}`);
    assert.equal([counts.received, counts.stale, state.errors], [delivered, 0, []], `seed ${seed}`);
  }
});

test('drops and counts answers after its channel is lost', async () => {
  const { answered, deliveries, counts, state, deliver } = await consuming();
  for (const _ of Object.keys(answers)) deliver();
  state.isCurrent = false;
  const results = Object.values(answers).map((answer, index) => deliveries[index] && answer(deliveries[index]));
  await turn();
  assert.equal([results, answered.size, counts.stale], [Array(5).fill(false), 0, 5]);
  assert.ok(deliveries.every(({ isRequeued }) => isRequeued));
});

test('sends no answers and keeps no deliveries if the broker expects none', async () => {
  const { answered, deliveries, counts, deliver, unanswered } = await consuming({ isNoAck: true });
  for (const _ of Object.keys(answers)) deliver();
  const results = Object.values(answers).map((answer, index) => deliveries[index] && answer(deliveries[index]));
  await turn();
  assert.equal([results, answered.size, counts.stale, unanswered.size], [Array(5).fill(true), 0, 0, 0]);
});

test('keeps no answered delivery in memory, because its body may be large', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const { deliveries, deliver, unanswered } = await consuming();
  deliver();
  const raw = acknowledged(deliveries);
  await turn(); // the acknowledgement is sent
  await turn();
  collect();
  assert.is(raw.deref(), undefined);
  assert.is(unanswered.size, 0);
});

/** Acknowledges the only delivery and forgets it. A function of its own, because its variables must not hold the message. */
function acknowledged(deliveries: Delivery[]): WeakRef<RawMessage> {
  const delivery = deliveries.pop() as Delivery;
  delivery.ack();
  return new WeakRef(delivery.raw);
}

test.run();
