// Finds out whether a stream holds more than a consumer has received. RabbitMQ reports a stream's message count seconds
// late, and it counts what was consumed as well.

import type { Channel, RawMessage } from 'amqplib/callback_api';
import { endChannel } from './channel-end.ts';

export interface StreamPosition {
  readonly queue: string;
  /** Arguments of the consumer that received nothing yet. */
  readonly arguments: unknown;
  /** The highest offset that was received; undefined: none. */
  readonly received: number | undefined;
}

/** Milliseconds without a message, after which there is none. */
const quietMs = 1000;

/** Returns the offset of a message, if it comes from a stream. */
export function offsetOf({ properties }: RawMessage): number | undefined {
  const offset = properties.headers?.['x-stream-offset'];
  return typeof offset === 'number' ? offset : undefined;
}

/** Reads what the consumer should receive next, on a channel that is closed then. Nothing is acknowledged. */
export function hasMore(channel: Channel, position: StreamPosition): Promise<boolean> {
  const { queue, received } = position;
  return new Promise((resolve, reject) => {
    let quiet: NodeJS.Timeout | undefined;
    const end = (more: boolean) => {
      clearTimeout(quiet);
      resolve(more);
      endChannel(channel);
    };
    const wait = () => {
      quiet = setTimeout(end, quietMs, false);
    };
    const fail = (error: Error) => {
      clearTimeout(quiet);
      reject(error);
    };
    channel.on('error', fail);
    channel.once('close', () => fail(new Error('Channel closed')));
    const onMessage = (raw: RawMessage | null) => {
      if (!raw) return fail(new Error('cancelled'));
      end(true); // unanswered: where the queue is not a stream after all, the message goes back
    };
    const options = { arguments: received === undefined ? position.arguments : { 'x-stream-offset': received + 1 } };
    channel.prefetch(1, false, () =>
      channel.consume(queue, onMessage, options, (error) => (error ? fail(error) : wait())),
    );
  });
}
