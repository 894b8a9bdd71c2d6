// Stores the offset of a stream in a queue of the broker that holds one message (x-max-length: 1), because AMQP 0-9-1
// cannot store offsets in the stream. Each offset is a confirmed publish, which replaces the previous message.

import { offsetQueue } from '../../config/retry-queues.ts';
import { MqError } from '../../errors.ts';
import type { Publisher } from '../../session/publisher.ts';
import type { Session } from '../../session/session.ts';
import { aborted } from '../../signal.ts';
import { pause } from '../../time.ts';
import { type OffsetStore, offsetOfRecord, recordOf, type StreamNames } from './offset-record.ts';

/** Milliseconds before an offset that the broker refused is sent again. */
const againMs = 1000;
/** Milliseconds to wait at the end until the last offset is confirmed, and if `abandon` has aborted. */
const [lastMs, lastAbandonedMs] = [5000, 1000];

export interface OffsetQueueParts {
  readonly stream: StreamNames;
  /** Name of the reader. */
  readonly name: string;
  readonly nextId: () => string;
  /** Aborts when the role stops. */
  readonly drain: AbortSignal;
  /** Aborts at a second signal, and at the end of the drain time. */
  readonly abandon: AbortSignal;
  /** Called with the error if an offset cannot be stored. */
  readonly onError: (error: MqError) => void;
}

export class OffsetQueue implements OffsetStore {
  readonly stored: number | undefined;
  readonly #parts: OffsetQueueParts;
  readonly #publisher: Publisher;
  readonly #queue: string;
  #next: number | undefined;
  #storing: Promise<void> | undefined;
  /** Error of the last offset, if the broker refused it. */
  #refusal: MqError | undefined;
  #isClosed = false;

  private constructor(parts: OffsetQueueParts, publisher: Publisher, stored: number | undefined) {
    this.#parts = parts;
    this.#publisher = publisher;
    this.#queue = offsetQueue(parts.stream.queue, parts.name).name;
    this.stored = stored;
  }

  /** Declares the queue unless the session declares nothing, and reads the stored offset. */
  static async open(session: Session, parts: OffsetQueueParts): Promise<OffsetQueue> {
    const { stream, name } = parts;
    const queue = offsetQueue(stream.queue, name);
    const { publisher, stored } = await session.lastValue(stream.vhost, queue);
    const offset = stored && offsetOfRecord(stored.toString(), stream, `the queue '${queue.name}'`);
    if (stored && offset === undefined)
      throw new MqError('BAD_DATA', `the message in the queue '${queue.name}' is not an offset`, {
        hint: 'delete the queue to start again',
      });
    return new OffsetQueue(parts, publisher, offset);
  }

  save(offset: number): void {
    this.#next = offset;
    this.#storing ??= this.#storeAll();
  }

  /**
   * An offset that was refused is sent again until `lastMs` is over. `onError` then receives the error, or IN_DOUBT if the
   * broker has not answered.
   */
  async close(): Promise<void> {
    if (this.#storing !== undefined) await Promise.race([this.#storing, this.#isOver()]);
    this.#isClosed = true;
    if (this.#storing === undefined) return;
    const inDoubt = `the last offset may not be stored in the queue '${this.#queue}'; the next run may repeat messages`;
    this.#parts.onError(this.#refusal ?? new MqError('IN_DOUBT', inDoubt));
  }

  #isOver(): Promise<unknown> {
    const abandoned = aborted(this.#parts.abandon).then(() => pause(lastAbandonedMs, { ref: false }));
    return Promise.race([pause(lastMs, { ref: false }), abandoned]);
  }

  /** Sends one offset at a time, so that a later one never arrives before an earlier one. */
  async #storeAll(): Promise<void> {
    for (let offset = this.#next; offset !== undefined; offset = this.#next) {
      this.#next = undefined;
      if (!(await this.#store(offset))) break;
    }
    this.#storing = undefined;
  }

  /** Returns `false` if no offset can be stored any more. */
  async #store(offset: number): Promise<boolean> {
    const { stream, nextId, drain, onError } = this.#parts;
    const sent = await this.#publisher.publish({
      exchange: '',
      routingKey: this.#queue,
      body: Buffer.from(recordOf(stream, offset)),
      properties: { deliveryMode: 2, contentType: 'application/json', messageId: nextId() },
      mandatory: true,
    });
    if (sent.type === 'confirmed') {
      this.#refusal = undefined;
      return true;
    }
    const error = new MqError(sent.error.code, `the offset ${offset} cannot be stored: ${sent.error.message}`);
    if (error.code !== 'REFUSED') {
      onError(error);
      return false;
    }
    this.#refusal = error;
    this.#next ??= offset;
    // The first attempt after the stop begins at once.
    await pause(againMs, drain.aborted ? { ref: false } : { signal: drain });
    return !this.#isClosed;
  }
}
