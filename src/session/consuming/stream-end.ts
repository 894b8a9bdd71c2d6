// Finds out where a stream ends, by consuming it on channels of its own. RabbitMQ's message count of a stream is seconds
// old and includes messages that retention has removed or a filter skips.

import { type Timer, time } from '../../time.ts';
import type { Channel } from '../channel.ts';
import type { RawMessage } from '../raw-message.ts';
import { endChannel } from './channel-end.ts';

/** Milliseconds without a message after which the stream counts as read to its end. */
export const usualQuietMs = 1000;

/** Returns the offset of a message if it comes from a stream. */
export function offsetOf({ properties }: RawMessage): number | undefined {
  const offset = properties.headers?.['x-stream-offset'];
  return typeof offset === 'number' ? offset : undefined;
}

/**
 * Returns the offset of the first message that a consumer with these arguments receives, or `undefined` if there is no
 * message now. Consumes on `channel` without acknowledging, then closes it.
 * @param quietMs milliseconds without a message after which the answer is `undefined`
 */
export function firstOffset(
  channel: Channel,
  queue: string,
  consumerArguments: Readonly<Record<string, unknown>>,
  quietMs = usualQuietMs,
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    let quiet: Timer | undefined;
    const end = (raw?: RawMessage) => {
      quiet?.cancel();
      // A message without an offset is from a queue that is not a stream. It counts as one more message.
      resolve(raw && (offsetOf(raw) ?? Number.POSITIVE_INFINITY));
      endChannel(channel);
    };
    const fail = (error: Error) => {
      quiet?.cancel();
      reject(error);
    };
    watch(channel, fail);
    // The message stays unanswered, so that it is requeued if the queue is not a stream.
    const onMessage = (raw: RawMessage | null) => (raw ? end(raw) : fail(new Error('cancelled')));
    channel.prefetch(1, false, () =>
      channel.consume(queue, onMessage, { arguments: consumerArguments }, (error) => {
        if (error) fail(error);
        else quiet = time.after(quietMs, end);
      }),
    );
  });
}

/**
 * Watches for the first message that is published after the start. Everything before it was in the stream at the start.
 * Keeps `channel` open until the message arrives or `close` is called.
 */
export class NewMessages {
  readonly #channel: Channel;
  #first: number | undefined;
  #isWatching = true;

  private constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Resolves when the broker has accepted the consumer. */
  static open(channel: Channel, queue: string): Promise<NewMessages> {
    const messages = new NewMessages(channel);
    channel.once('close', () => {
      messages.#isWatching = false;
    });
    const options = { arguments: { 'x-stream-offset': 'next' } };
    return new Promise((resolve, reject) => {
      watch(channel, reject);
      channel.prefetch(1, false, () =>
        channel.consume(
          queue,
          (raw) => messages.#onMessage(raw),
          options,
          (error) => (error ? reject(error) : resolve(messages)),
        ),
      );
    });
  }

  /** Offset of the first new message, or `undefined` if no message has arrived yet. */
  get first(): number | undefined {
    return this.#first;
  }

  /** `false` if the channel is closed. */
  get isWatching(): boolean {
    return this.#isWatching;
  }

  close(): void {
    endChannel(this.#channel);
  }

  #onMessage(raw: RawMessage | null): void {
    if (raw) this.#first = offsetOf(raw);
    this.close();
  }
}

/** Calls `fail` when the channel closes, with the broker's error if there is one. */
function watch(channel: Channel, fail: (error: Error) => void): void {
  channel.on('error', fail);
  channel.once('close', () => fail(new Error('Channel closed')));
}
