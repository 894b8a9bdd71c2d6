// Finds out whether a stream contains more messages than a consumer has received. RabbitMQ's message count of a stream
// is seconds old and includes consumed messages.

import type { Channel } from '../channel.ts';
import type { RawMessage } from '../raw-message.ts';
import { endChannel } from './channel-end.ts';

interface StreamPosition {
  readonly queue: string;
  /** Arguments of basic.consume, used if nothing was received yet. */
  readonly arguments: unknown;
  /** Highest received offset, or `undefined` if nothing was received. */
  readonly received: number | undefined;
}

/** Milliseconds without a message after which the stream counts as read to its end. */
const quietMs = 1000;

/** Returns the offset of a message if it comes from a stream. */
export function offsetOf({ properties }: RawMessage): number | undefined {
  const offset = properties.headers?.['x-stream-offset'];
  return typeof offset === 'number' ? offset : undefined;
}

/** Reports whether the stream contains another message. Consumes on `channel` without acknowledging, then closes it. */
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
      end(true); // unanswered, so that the message is requeued if the queue is not a stream
    };
    const options = { arguments: received === undefined ? position.arguments : { 'x-stream-offset': received + 1 } };
    channel.prefetch(1, false, () =>
      channel.consume(queue, onMessage, options, (error) => (error ? fail(error) : wait())),
    );
  });
}
