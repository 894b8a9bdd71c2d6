// Reads a queue that holds only the last message that was published to it.

import { pause } from '../../time.ts';
import type { Channel } from '../channel.ts';
import { promised } from '../promised.ts';
import type { RawMessage } from '../raw-message.ts';
import { endChannel } from './channel-end.ts';
import { returnDeliveries } from './ready-count.ts';

export interface LastValueQueue {
  readonly name: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/**
 * Milliseconds between two attempts to read the message, and the number of attempts. Another reader holds the message for
 * a moment, or until RabbitMQ notices that its connection is lost.
 */
const againMs = 200;
const mostAttempts = 21;

/**
 * Returns the body of the message in the queue, and `undefined` if the queue is new or empty.
 * @param declares `false` if the queue must exist
 */
export async function readLastValue(
  open: () => Promise<Channel>,
  queue: LastValueQueue,
  declares: boolean,
): Promise<Buffer | undefined> {
  const channel = await open();
  const missing = await checked(channel, queue.name);
  if (missing === undefined) return firstOf(channel, queue.name);
  if (!declares || !missing.message.includes('NOT_FOUND')) throw missing;
  const { name, arguments: given } = queue;
  const other = await open();
  await promised((next) => other.assertQueue(name, { durable: true, arguments: given }, next));
  endChannel(other);
  return undefined;
}

/** Returns the error if the queue does not exist. The broker then closes the channel. */
async function checked(channel: Channel, queue: string): Promise<Error | undefined> {
  let closed: Error | undefined;
  channel.on('error', (error: Error) => {
    closed = error;
  });
  try {
    await promised((next) => channel.checkQueue(queue, next));
    return undefined;
  } catch (error) {
    return closed ?? (error instanceof Error ? error : new Error(String(error)));
  }
}

/**
 * Reads the message and returns it to the queue. Returns `undefined` if the queue stays empty, because a client was
 * killed before its first message. Another client may be reading the message at the same time, so it asks several times.
 */
async function firstOf(channel: Channel, queue: string): Promise<Buffer | undefined> {
  for (let attempt = 1; attempt <= mostAttempts; attempt += 1) {
    const raw = await promised<RawMessage | false>((next) => channel.get(queue, { noAck: false }, next));
    if (raw) {
      await returnDeliveries(channel, queue, { last: [raw], count: 1 });
      endChannel(channel);
      return raw.content;
    }
    await pause(againMs);
  }
  endChannel(channel);
  return undefined;
}
