import { setImmediate as turn } from 'node:timers/promises';
import type { Channel, RawMessage } from 'amqplib/callback_api';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Acks } from '../../../src/session/acks.ts';

const message = (deliveryTag: number) => ({ fields: { deliveryTag } }) as RawMessage;

/** What goes out: `3+` acknowledges all up to 3. */
function recorded(): { sent: string[]; acks: Acks } {
  const sent: string[] = [];
  const channel = {
    ack: ({ fields }: RawMessage, allUpTo: boolean) => sent.push(`${fields.deliveryTag}${allUpTo ? '+' : ''}`),
  } as unknown as Channel;
  return { sent, acks: new Acks(channel) };
}

test('those of a turn that follow one another are one frame', async () => {
  const { sent, acks } = recorded();
  for (const tag of [2, 1, 3]) acks.ack(message(tag));
  assert.equal(sent, []);
  await turn();
  assert.equal(sent, ['3+']);
});

test('nothing that has no answer yet is acknowledged with the others', async () => {
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

test('what was refused is passed over, and never acknowledged by itself', async () => {
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

test('a channel that is closing takes nothing, and nothing is thrown', async () => {
  const acks = new Acks({
    ack: () => {
      throw new Error('Channel closing');
    },
  } as unknown as Channel);
  acks.ack(message(1));
  await turn();
});

test.run();
