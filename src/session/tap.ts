// Receives copies of the messages that exchanges route, and exports what the commands need of watching/. A lost
// connection ends the tap, because messages were missed and the caller must know it.

import { MqError } from '../errors.ts';
import { type Timer, time } from '../time.ts';
import type { Channel } from './channel.ts';
import type { BrokerConnection } from './connecting/broker-connection.ts';
import { endChannel } from './consuming/channel-end.ts';
import { failureOf } from './failure.ts';
import { promised } from './promised.ts';
import type { RawMessage } from './raw-message.ts';
import { isTapQueue, type Missed, TapQueue, type TapSource } from './watching/tap-queue.ts';

export type { ReceivedMessage } from './watching/listener.ts';
export { type ExchangeBinding, type ExchangeFacts, type TapVerdict, tapVerdict } from './watching/tap-verdict.ts';
export { covers } from './watching/topic-pattern.ts';
export { type TracedMessage, tracedMessage, traceExchange } from './watching/traced-message.ts';
export type { Missed, TapSource };
export { isTapQueue };

interface TappedMessage {
  readonly raw: RawMessage;
  /** Time of the arrival, in milliseconds since 1970. */
  readonly time: number;
  /** Time of the arrival on the clock of `performance.now`, for differences. */
  readonly monotonicMs: number;
}

interface TapSettings {
  readonly vhost: string;
  readonly sources: readonly TapSource[];
  readonly redact: (text: string) => string;
}

/** Maximum number of messages in mq's memory. The others wait in the queue. */
const prefetch = 256;
/** Number of messages that are acknowledged together, while others wait for the reader. */
const ackSize = 64;
const countMs = 1000;

export class Tap {
  readonly #channel: Channel;
  readonly #redact: (text: string) => string;
  #queue: TapQueue | undefined;
  #missed: Missed = { count: 0, isExact: true };
  #arrived: TappedMessage[] = [];
  #wake: () => void = () => undefined;
  #cause: Error | undefined;
  #failure: MqError | undefined;
  #isStopped = false;
  #timer: Timer | undefined;
  #unacked = 0;
  #unread = 0;

  private constructor(channel: Channel, redact: (text: string) => string) {
    this.#channel = channel;
    this.#redact = redact;
    channel.on('error', (error: Error) => {
      this.#cause = error;
    });
    channel.on('close', () => this.#fail(this.#cause ?? new Error('Channel closed')));
  }

  /**
   * Binds a queue to the sources. If the user may not publish to the default exchange, missed messages are not counted.
   * Throws the error of the broker.
   */
  static async open(connection: BrokerConnection, settings: TapSettings): Promise<Tap> {
    try {
      return await Tap.#opened(connection, settings, true);
    } catch (error) {
      if (!(error instanceof MqError) || error.code !== 'NOT_PERMITTED') throw error;
      return Tap.#opened(connection, settings, false);
    }
  }

  static async #opened(
    connection: BrokerConnection,
    { vhost, sources, redact }: TapSettings,
    counts: boolean,
  ): Promise<Tap> {
    const channel = await connection.channel(vhost).catch((error: unknown) => {
      throw failureOf(error, redact);
    });
    const tap = new Tap(channel, redact);
    try {
      await promised((next) => channel.prefetch(prefetch, false, next));
      const onMessage = (raw: RawMessage) => tap.#arrive(raw);
      const onCancel = () => tap.#fail(new Error('the broker cancelled the consumer'));
      tap.#queue = await TapQueue.open(channel, { sources, counts, onMessage, onCancel });
      tap.#missed = { count: 0, isExact: counts };
      tap.#timer = time.every(countMs, () => void tap.#count());
      return tap;
    } catch (error) {
      // If the channel closes, amqplib answers pending calls only with "closed". The error event contains the reason.
      endChannel(channel);
      throw tap.#cause === undefined ? failureOf(error, redact) : failureOf(tap.#cause, redact);
    }
  }

  /** The broker's name of the queue. */
  get queue(): string {
    return this.#queue?.name ?? '';
  }

  /** Number of messages that the broker dropped. It is read once a second, and by `close`. */
  get missed(): Missed {
    return this.#missed;
  }

  /** Number of messages that had arrived at the queue and were not read when `close` deleted it. */
  get unread(): number {
    return this.#unread;
  }

  /**
   * Yields the messages in the order of the queue. A message stays in the queue until the next one is requested, so that
   * a slow caller fills no memory. Ends after `stop`; throws UNAVAILABLE if the connection is lost.
   */
  async *messages(): AsyncGenerator<TappedMessage> {
    for (;;) {
      if (this.#isStopped) return;
      const message = this.#arrived.shift();
      if (message) {
        yield message;
        this.#ack(message.raw);
        continue;
      }
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Ends `messages`. */
  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  /** Deletes the queue with its bindings, and counts the missed messages. Never rejects. */
  async close(): Promise<void> {
    this.stop();
    this.#timer?.cancel();
    if (this.#failure || !this.#queue) return;
    // After the deletion nothing more is dropped, so that the count is final.
    const left = await this.#queue.delete().catch(() => 0);
    this.#unread = left + this.#arrived.length;
    await this.#count();
    endChannel(this.#channel);
  }

  #arrive(raw: RawMessage): void {
    this.#arrived.push({ raw, time: time.date(), monotonicMs: time.now() });
    this.#wake();
  }

  #ack(raw: RawMessage): void {
    this.#unacked += 1;
    if ((this.#unacked < ackSize && this.#arrived.length > 0) || this.#failure) return;
    this.#unacked = 0;
    try {
      this.#channel.ack(raw, true);
    } catch {
      // amqplib throws if the channel is closing. The queue is deleted with it.
    }
  }

  async #count(): Promise<void> {
    try {
      if (this.#queue) this.#missed = await this.#queue.missed();
    } catch {
      // The channel closes, and nothing more can be counted.
      this.#missed = { ...this.#missed, isExact: false };
    }
  }

  #fail(error: Error): void {
    this.#failure ??= failureOf(error, this.#redact);
    this.#timer?.cancel();
    this.#wake();
  }
}
