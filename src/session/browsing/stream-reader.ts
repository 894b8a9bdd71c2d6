// Reads the messages of a stream from a position. Reading changes nothing, and other readers do not notice it.

import type { StreamOffset } from '../../config/stream-offset.ts';
import { turn } from '../../time.ts';
import type { Channel } from '../channel.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import { failureOf } from '../failure.ts';
import { promised } from '../promised.ts';
import type { RawMessage } from '../raw-message.ts';
import { Arrival } from './arrival.ts';

interface StreamSettings {
  readonly vhost: string;
  /** The broker's name of the stream. */
  readonly queue: string;
  readonly offset: StreamOffset;
  /** Maximum number of messages. */
  readonly most: number;
  readonly redact: (text: string) => string;
}

/** Maximum number of messages that are read ahead. */
const mostAhead = 256;
/** Milliseconds without a message after which mq asks the broker whether it has sent everything. */
const quietMs = 1_000;

export class StreamReader {
  readonly #channel: Channel;
  readonly #settings: StreamSettings;
  readonly #arrived: RawMessage[] = [];
  readonly #arrival = new Arrival();
  #failure: Error | undefined;

  private constructor(channel: Channel, settings: StreamSettings) {
    this.#channel = channel;
    this.#settings = settings;
    channel.on('error', (error: Error) => this.#fail(error));
    channel.on('close', () => this.#fail(new Error('Channel closed')));
  }

  /** Starts to read. Throws TOPOLOGY and UNAVAILABLE. */
  static async open(connection: BrokerConnection, settings: StreamSettings): Promise<StreamReader> {
    const { vhost, queue, offset, most, redact } = settings;
    try {
      const reader = new StreamReader(await connection.channel(vhost), settings);
      await promised((next) => reader.#channel.prefetch(Math.min(most, mostAhead), false, next));
      const onMessage = (raw: RawMessage | null) => {
        if (raw) reader.#arrived.push(raw);
        else reader.#failure ??= new Error('the broker cancelled the consumer');
        reader.#arrival.notify();
      };
      const options = { arguments: { 'x-stream-offset': offset } };
      await connection.answered(
        'a consumer',
        promised((next) => reader.#channel.consume(queue, onMessage, options, next)),
      );
      return reader;
    } catch (error) {
      throw failureOf(error, redact);
    }
  }

  /** Yields the messages until the end of the stream. */
  async *messages(): AsyncGenerator<RawMessage> {
    for (let seen = 0; seen < this.#settings.most; seen += 1) {
      while (this.#arrived.length === 0) {
        if (this.#failure) throw failureOf(this.#failure, this.#settings.redact);
        if (!(await this.#hasMore())) return;
      }
      const raw = this.#arrived.shift();
      if (!raw) return;
      // A stream keeps the message. The acknowledgement only requests the next one.
      if (!this.#failure) this.#channel.ack(raw, false);
      yield raw;
    }
  }

  /** Stops reading. Never rejects. */
  async close(): Promise<void> {
    if (this.#failure) return;
    try {
      await new Promise<void>((resolve) => this.#channel.close(() => resolve()));
    } catch {
      // amqplib throws if the channel is already closed.
    }
  }

  /**
   * Resolves to `false` at the end of the stream. The broker has sent its last message when it answers a method after
   * the silence; a node that stalls does not answer. Resolves to `true` after a failure.
   */
  async #hasMore(): Promise<boolean> {
    if (await this.#arrival.within(quietMs)) return true;
    try {
      await promised((next) => this.#channel.checkQueue(this.#settings.queue, next));
    } catch (error) {
      // amqplib answers the pending call before the events, which contain the reason.
      await turn();
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
    }
    return this.#arrived.length > 0 || this.#failure !== undefined;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#arrival.notify();
  }
}
