import { EventEmitter } from 'node:events';
import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Channel } from '../../../../src/session/channel.ts';
import { Acks } from '../../../../src/session/consuming/acks.ts';
import type { RawMessage } from '../../../../src/session/raw-message.ts';
import { randomOf } from '../../../support/random.ts';

const message = (deliveryTag: number) => ({ fields: { deliveryTag } }) as RawMessage;

/** Records the acknowledgements. `3+` acknowledges all deliveries up to tag 3. */
function recorded(): { sent: string[]; acks: Acks } {
  const sent: string[] = [];
  const channel = {
    ack: ({ fields }: RawMessage, allUpTo: boolean) => sent.push(`${fields.deliveryTag}${allUpTo ? '+' : ''}`),
  } as unknown as Channel;
  return { sent, acks: new Acks(channel) };
}

test('acknowledges consecutive deliveries of one turn in one frame', async () => {
  const { sent, acks } = recorded();
  for (const tag of [2, 1, 3]) acks.ack(message(tag));
  assert.equal(sent, []);
  await turn();
  assert.equal(sent, ['3+']);
});

test('does not acknowledge a delivery without an answer with later ones', async () => {
  const { sent, acks } = recorded();
  for (const tag of [1, 3, 5]) acks.ack(message(tag));
  await turn();
  assert.equal(sent, ['1+', '3', '5']);
  acks.ack(message(4));
  await turn();
  assert.equal(sent, ['1+', '3', '5', '4']);
  acks.ack(message(2));
  acks.ack(message(6));
  await turn();
  assert.equal(sent, ['1+', '3', '5', '4', '6+']);
});

test('does not acknowledge a refused delivery', async () => {
  const { sent, acks } = recorded();
  acks.skip(message(1));
  acks.ack(message(2));
  acks.skip(message(3));
  await turn();
  acks.ack(message(4));
  await turn();
  acks.skip(message(5));
  acks.skip(message(6));
  await turn();
  assert.equal(sent, ['2+', '4+']);
});

test('flush sends pending acknowledgements and waits for the broker', async () => {
  const sent: string[] = [];
  let answer: () => void = () => undefined;
  const channel = Object.assign(new EventEmitter(), {
    ack: ({ fields }: RawMessage) => sent.push(`ack ${fields.deliveryTag}`),
    prefetch: (count: number, _: boolean, next: () => void) => {
      sent.push(`qos ${count}`);
      answer = next;
    },
  });
  const acks = new Acks(channel as unknown as Channel);
  acks.ack(message(1));
  let isFlushed = false;
  const flushed = acks.flush(10).then(() => {
    isFlushed = true;
  });
  assert.equal(sent, ['ack 1', 'qos 10']);
  await turn();
  assert.not(isFlushed);
  answer();
  await flushed;
  // Listeners must not accumulate, because there may be a flush for each message.
  assert.is(channel.listenerCount('close'), 0);
  const lost = acks.flush(10);
  channel.emit('close');
  await lost;
});

test('does not throw if the channel is closing', async () => {
  const acks = new Acks({
    ack: () => {
      throw new Error('Channel closing');
    },
  } as unknown as Channel);
  acks.ack(message(1));
  await turn();
});

/** A broker that refuses an unknown delivery tag as RabbitMQ does. `outcomes` contains the answer to each delivery. */
function strictBroker() {
  const outcomes: string[] = [''];
  const open = new Set<number>();
  const wanted = new Map<number, string>();
  const settle = (tag: number, outcome: string) => {
    assert.ok(open.delete(tag), `unknown delivery tag ${tag}`);
    assert.is(wanted.get(tag), outcome, `tag ${tag}`);
    outcomes[tag] = outcome;
  };
  const ack = ({ fields: { deliveryTag } }: RawMessage, allUpTo: boolean) => {
    assert.ok(open.has(deliveryTag), `unknown delivery tag ${deliveryTag}`);
    for (const tag of allUpTo ? [...open].filter((one) => one <= deliveryTag) : [deliveryTag]) settle(tag, 'ack');
  };
  return { outcomes, open, wanted, settle, channel: { ack } as unknown as Channel };
}

test('answers each delivery exactly once in any order of answers', async () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = randomOf(seed);
    const errors: unknown[] = [];
    const { outcomes, open, wanted, settle, channel } = strictBroker();
    const checked = {
      ack: (...args: Parameters<Channel['ack']>) => {
        try {
          channel.ack(...args);
        } catch (error) {
          errors.push(error);
        }
      },
    } as Channel;
    const acks = new Acks(checked);
    const inHand: number[] = [];
    const all = 60;
    for (let delivered = 0; delivered < all || inHand.length > 0; ) {
      if (delivered < all && random.chance(0.5)) {
        delivered += 1;
        inHand.push(delivered);
        open.add(delivered);
      } else if (inHand.length > 0) {
        const [tag = 0] = inHand.splice(random.below(inHand.length), 1);
        wanted.set(tag, random.chance(0.7) ? 'ack' : 'nack');
        if (wanted.get(tag) === 'ack') acks.ack(message(tag));
        else {
          acks.skip(message(tag));
          settle(tag, 'nack');
        }
      }
      if (random.chance(0.2)) await turn();
    }
    await turn();
    assert.equal(errors, [], `seed ${seed}`);
    assert.equal([open.size, outcomes.filter(Boolean).length], [0, all], `seed ${seed}`);
  }
});

/** Runs the work and returns the number of its operations on maps and sets. */
async function operations(work: () => Promise<void>): Promise<number> {
  const iterators = [new Map().entries(), new Set().values()].map((iterator) => Object.getPrototypeOf(iterator));
  const spies = [
    ...iterators.map((iterator) => mock.method(iterator, 'next')),
    ...[Map, Set].map(({ prototype }) => mock.method(prototype as Set<unknown>, 'has')),
    ...[Map, Set].map(({ prototype }) => mock.method(prototype as Set<unknown>, 'delete')),
  ];
  try {
    await work();
    return spies.reduce((sum, { mock: { calls } }) => sum + calls.length, 0);
  } finally {
    for (const { mock } of spies) mock.restore();
  }
}

test('the cost of an acknowledgement does not depend on open deliveries', async () => {
  const { sent, acks } = recorded();
  const count = 300;
  const work = await operations(async () => {
    for (let tag = 2; tag <= count; tag += 1) {
      acks.ack(message(tag));
      await turn();
    }
  });
  assert.is(sent.length, count - 1);
  assert.ok(work <= 5 * count, `${work} operations`);
});

test('the cost of an acknowledgement does not depend on earlier refusals', async () => {
  const { sent, acks } = recorded();
  for (let tag = 1; tag <= 300; tag += 1) acks.skip(message(tag));
  const work = await operations(async () => {
    acks.ack(message(301));
    await turn();
  });
  assert.equal(sent, ['301+']);
  assert.ok(work <= 10, `${work} operations`);
});

test.run();
