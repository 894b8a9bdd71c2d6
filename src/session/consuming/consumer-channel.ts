// Represents one channel with one consumer, from basic.consume to the close of the channel. An acknowledgement belongs
// to the channel of its delivery. If that channel is closed, the broker has requeued the message, so a late
// acknowledgement is dropped and counted (AMQP 0-9-1, 1.8.3.13: a delivery tag is local to its channel).

import { time } from '../../time.ts';
import type { Channel } from '../channel.ts';
import type { Counts } from '../counts.ts';
import { promised } from '../promised.ts';
import type { RawMessage } from '../raw-message.ts';
import { Acks } from './acks.ts';
import { type Answer, ConsumerDelivery, type Delivery, type DeliveryChannel } from './delivery.ts';
import type { StreamReading } from './stream-reading.ts';
import { UnansweredDeliveries } from './unanswered-deliveries.ts';

interface ConsumerChannelPlan {
  readonly queue: string;
  /** `true` if the broker keeps the messages when the channel is lost. */
  readonly isKept: boolean;
  /** `true` if the broker expects no acknowledgements (no-ack). */
  readonly isNoAck: boolean;
  /** Prefetch count. 0 means no limit. */
  readonly prefetch: number;
  readonly counts: Counts;
  /** Returns `false` when the consumer uses another channel. */
  readonly isCurrent: () => boolean;
  readonly stream: Pick<StreamReading, 'offsetOf' | 'accept' | 'settle'>;
  readonly onDelivery: (delivery: Delivery) => void;
  /** Called when the broker cancels the consumer (basic.cancel). */
  readonly onCancel: () => void;
}

export class ConsumerChannel implements DeliveryChannel {
  readonly channel: Channel;
  readonly acks: Acks;
  readonly unanswered = new UnansweredDeliveries();
  /** Time of the last delivery, or of the start, on the monotonic clock. */
  deliveredAt = time.now();
  readonly #plan: ConsumerChannelPlan;
  #consuming: Promise<void> | undefined;
  #consumerTag: string | undefined;
  #cause: Error | undefined;
  #isClosed = false;

  constructor(channel: Channel, plan: ConsumerChannelPlan) {
    this.channel = channel;
    this.acks = new Acks(channel);
    this.#plan = plan;
    channel.on('error', (error: Error) => {
      this.#cause = error;
    });
    channel.once('close', () => {
      this.#isClosed = true;
    });
  }

  get queue(): string {
    return this.#plan.queue;
  }

  get isKept(): boolean {
    return this.#plan.isKept;
  }

  isCurrent(): boolean {
    return this.#plan.isCurrent();
  }

  get hasRoom(): boolean {
    const { prefetch, isNoAck } = this.#plan;
    return prefetch === 0 || isNoAck || this.unanswered.size < prefetch;
  }

  async setPrefetch(): Promise<void> {
    const { prefetch } = this.#plan;
    if (prefetch > 0) await promised((next) => this.channel.prefetch(prefetch, false, next));
  }

  /** Resolves when the broker has accepted the consumer. `options` are those of basic.consume. */
  async consume(options: Readonly<Record<string, unknown>>): Promise<void> {
    this.deliveredAt = time.now();
    this.#consuming = promised<{ consumerTag: string }>((next) =>
      this.channel.consume(this.queue, (raw) => this.#onMessage(raw), options, next),
    ).then(({ consumerTag }) => {
      this.#consumerTag = consumerTag;
    });
    await this.#consuming;
  }

  /**
   * Calls `close` when the channel closes. Calls it at once if the channel is already closed, because the close may
   * arrive in the same packet as consume-ok.
   */
  onClose(close: (cause: Error) => void): void {
    const run = () => close(this.#cause ?? new Error('Channel closed'));
    if (this.#isClosed) run();
    else this.channel.once('close', run);
  }

  /**
   * Resolves when the broker sends no more messages, or when the channel is closed. If the broker has accepted the
   * consumer, basic.cancel is sent before this returns.
   */
  async cancel(): Promise<void> {
    // Messages may arrive in the packet of consume-ok, before the consumer can be cancelled.
    if (this.#consumerTag === undefined) await this.#consuming?.catch(() => undefined);
    const tag = this.#consumerTag;
    if (tag === undefined || this.#isClosed) return;
    await new Promise<void>((resolve) => {
      this.channel.once('close', () => resolve());
      try {
        this.channel.cancel(tag, () => resolve());
      } catch {
        resolve(); // the channel is already closed
      }
    });
  }

  /** Answers a delivery, unless its channel is closed. Returns `false` if the answer was dropped. */
  answer(delivery: ConsumerDelivery, answer: Answer): boolean {
    if (this.#plan.isNoAck) return true;
    try {
      if (this.isCurrent()) {
        this.unanswered.delete(delivery);
        this.#send(delivery.raw, answer);
        return true;
      }
    } catch {
      // amqplib throws if the channel is closing.
    }
    this.#plan.counts.stale += 1;
    return false;
  }

  settle(offset: number, wasSent: boolean): boolean {
    return this.#plan.stream.settle(offset, wasSent);
  }

  #send(raw: RawMessage, answer: Answer): void {
    if (answer === 'ack') this.acks.ack(raw);
    else {
      this.acks.skip(raw);
      if (answer.startsWith('nack')) this.channel.nack(raw, false, answer === 'nack-requeue');
      else this.channel.reject(raw, answer === 'reject-requeue');
    }
  }

  #onMessage(raw: RawMessage | null): void {
    const { counts, isNoAck, stream, onDelivery, onCancel } = this.#plan;
    if (!raw) {
      onCancel();
      return;
    }
    counts.received += 1;
    this.deliveredAt = time.now();
    const offset = isNoAck ? undefined : stream.offsetOf(raw);
    const delivery = new ConsumerDelivery(this, raw, this.deliveredAt, offset);
    if (!isNoAck) this.unanswered.add(delivery);
    // An acknowledgement requests another message of the stream.
    if (offset === undefined || stream.accept(offset)) onDelivery(delivery);
    else delivery.ack();
  }
}
