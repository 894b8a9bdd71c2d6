// Tracks the deliveries of one channel that have no answer yet, in the order of their arrival.

import { MqError } from '../../errors.ts';
import { consumerTimeoutHint } from '../failure.ts';
import type { RawMessage } from '../raw-message.ts';

interface Arrival {
  /** Time of arrival, on the monotonic clock. */
  readonly at: number;
  /** Offset in a stream. */
  readonly offset: number | undefined;
}

interface Delivered extends Arrival {
  readonly raw: RawMessage;
}

export class UnansweredDeliveries {
  readonly #byTag = new Map<number, Delivered>();
  #lastOffset: number | undefined;

  get size(): number {
    return this.#byTag.size;
  }

  /** Last offset received on this channel, if the queue is a stream. */
  get lastOffset(): number | undefined {
    return this.#lastOffset;
  }

  /** Offset at which another consumer must start to receive all unanswered messages and everything after them. */
  get resumeAt(): number | undefined {
    const [oldest] = this.#byTag.values();
    return oldest?.offset ?? (this.lastOffset === undefined ? undefined : this.lastOffset + 1);
  }

  add(raw: RawMessage, { at, offset }: Arrival): void {
    this.#lastOffset = offset;
    this.#byTag.set(raw.fields.deliveryTag, { raw, at, offset });
  }

  delete({ fields }: RawMessage): void {
    this.#byTag.delete(fields.deliveryTag);
  }

  /** Returns an error with the probable cause of a basic.cancel, because the broker does not send the cause. */
  cancelled(): MqError {
    const [oldest] = this.#byTag.values();
    const seconds = oldest ? Math.floor((performance.now() - oldest.at) / 1000) : 0;
    if (!oldest || seconds === 0) return new MqError('UNAVAILABLE', 'the broker cancelled the consumer');
    const { messageId } = oldest.raw.properties;
    const message = messageId === undefined ? 'a message' : `message ${messageId}`;
    const cause = `its queue was deleted, or ${message} exceeded the consumer timeout (unacknowledged for ${seconds} s)`;
    return new MqError('UNAVAILABLE', `the broker cancelled the consumer: ${cause}`, { hint: consumerTimeoutHint });
  }
}
