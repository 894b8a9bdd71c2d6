// Reads the number of ready messages of a queue, and returns deliveries to it.

import { MqError } from '../../errors.ts';
import { pause, time } from '../../time.ts';
import type { Channel } from '../channel.ts';
import { promised } from '../promised.ts';
import type { RawMessage } from '../raw-message.ts';

/**
 * An answer of 0 after this time (in milliseconds) may be wrong. RabbitMQ waits 250 ms for the leader of a quorum
 * queue, and answers 0 if the leader did not answer in this time (rabbit_quorum_queue:stat/2).
 */
const lateMs = 200;

/**
 * Returns the number of ready messages. After a late 0, it asks again and returns the second answer, because on a
 * slow network every answer is late. Rejects with the error that closed the channel.
 */
export async function readyCount(channel: Channel, queue: string): Promise<number> {
  const asked = time.now();
  const count = await answerOf(channel, queue);
  return count > 0 || time.now() - asked < lateMs ? count : answerOf(channel, queue);
}

async function answerOf(channel: Channel, queue: string): Promise<number> {
  return (await depthOf(channel, queue)).messageCount;
}

function depthOf(channel: Channel, queue: string): Promise<{ messageCount: number; consumerCount: number }> {
  return promised((next) => channel.checkQueue(queue, next));
}

/** Milliseconds after which `certainDepth` gives up. */
const patienceMs = 25_000;

/**
 * Asks for the depth of a queue until it has messages or an answer of 0 is certain, because a queue that is deleted must
 * be empty. Throws DEADLINE if every answer is late.
 * @param ask sends a passive declaration
 */
export async function certainDepth<Depth extends { readonly messageCount: number }>(
  ask: () => Promise<Depth>,
): Promise<Depth> {
  for (const begun = time.now(); ; ) {
    const asked = time.now();
    const depth = await ask();
    if (depth.messageCount > 0 || time.now() - asked < lateMs) return depth;
    if (time.now() - begun > patienceMs)
      throw new MqError(
        'DEADLINE',
        'the broker answers so late that an empty queue and one without an answer look the same',
      );
  }
}

/** Deliveries of a channel. */
interface Returned {
  /** The deliveries and all unsettled ones before them are returned. */
  readonly last: readonly (RawMessage | undefined)[];
  /** Number of all returned deliveries. */
  readonly count: number;
}

/** Milliseconds until a returned message that is not in its queue counts as received by another client, or expired. */
const returnMs = 2_000;
const returnPollMs = 20;

/**
 * Returns deliveries to their queue, and waits until the queue has them or has a consumer, so that the next reader finds
 * them. RabbitMQ: a quorum queue writes a return to disk before it counts the message, and answers a check in the
 * meantime. RabbitMQ 4.3: it counts a return by the close of a channel as an attempt, but not a return by nack.
 */
export async function returnDeliveries(channel: Channel, queue: string, { last, count }: Returned): Promise<void> {
  const left = last.filter((one) => one !== undefined);
  if (left.length === 0) return;
  const expected = (await answerOf(channel, queue)) + count;
  for (const one of left) channel.nack(one, true, true);
  for (const begun = time.now(); time.now() - begun < returnMs; await pause(returnPollMs)) {
    const { messageCount, consumerCount } = await depthOf(channel, queue);
    if (messageCount >= expected || consumerCount > 0) return;
  }
}
