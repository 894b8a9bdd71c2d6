// The deliveries of one channel that have no answer yet, in the order in which they came.

import type { RawMessage } from 'amqplib/callback_api';
import { MqError } from '../errors.ts';
import { consumerTimeoutHint } from './failure.ts';

interface Delivered {
  readonly messageId: string | undefined;
  /** When it came, by the monotonic clock. */
  readonly at: number;
  /** Of a stream. */
  readonly offset: number | undefined;
}

export class Unanswered {
  readonly #byTag = new Map<number, Delivered>();
  #last: Delivered | undefined;

  get size(): number {
    return this.#byTag.size;
  }

  /** The last offset that came on this channel, if the queue is a stream. */
  get lastOffset(): number | undefined {
    return this.#last?.offset;
  }

  /** Where another consumer of the stream has to begin in order to receive all that has no answer, and all that follows. */
  get resumeAt(): number | undefined {
    const [oldest] = this.#byTag.values();
    return oldest?.offset ?? (this.lastOffset === undefined ? undefined : this.lastOffset + 1);
  }

  /** `offset`: of a stream. */
  add(raw: RawMessage, offset: number | undefined): void {
    this.#last = { messageId: raw.properties.messageId, at: performance.now(), offset };
    this.#byTag.set(raw.fields.deliveryTag, this.#last);
  }

  delete({ fields }: RawMessage): void {
    this.#byTag.delete(fields.deliveryTag);
  }

  /** Another channel begins. */
  clear(): void {
    this.#byTag.clear();
    this.#last = undefined;
  }

  /** Names the probable cause of a basic.cancel, because the broker does not say why it cancels. */
  cancelled(): MqError {
    const [oldest] = this.#byTag.values();
    const seconds = oldest ? Math.floor((performance.now() - oldest.at) / 1000) : 0;
    if (!oldest || seconds === 0) return new MqError('UNAVAILABLE', 'the broker has cancelled the consumer');
    const message = oldest.messageId === undefined ? 'a message' : `message ${oldest.messageId}`;
    const cause = `its queue was deleted, or the consumer timeout has passed: ${message} is in hand for ${seconds} s`;
    return new MqError('UNAVAILABLE', `the broker has cancelled the consumer: ${cause}`, { hint: consumerTimeoutHint });
  }
}
