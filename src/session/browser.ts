// Reads a queue: each message is returned once, in order, and is either removed (acknowledged) or left in the queue.
// Memory is bounded, because a consumer receives at most its prefetch. When a consumer holds that many messages that
// are to be left, a new consumer receives the next ones.

import { MqError } from '../errors.ts';
import type { Channel } from './channel.ts';
import type { BrokerConnection } from './connecting/broker-connection.ts';
import { readyCount } from './consuming/ready-count.ts';
import { failureOf } from './failure.ts';
import { promised } from './promised.ts';
import type { RawMessage } from './raw-message.ts';

/** A message that was read. The caller calls exactly one of the two functions, at any time. */
export interface BrowsedMessage {
  readonly raw: RawMessage;
  /** Removes the message from the queue. */
  take(): void;
  leave(): void;
}

/** Handles messages that the broker would drop if they were returned. */
export interface Republisher {
  /** Reports whether the message needs it. `server` contains the broker's properties from the login. */
  isNeeded(raw: RawMessage, server: Readonly<Record<string, unknown>>): boolean;
  /** Removes the message or leaves it. Never rejects. */
  keep(looked: BrowsedMessage): Promise<void>;
}

interface BrowserSettings {
  readonly vhost: string;
  /** The broker's name of the queue. */
  readonly queue: string;
  readonly republisher: Republisher;
  readonly redact: (text: string) => string;
}

const prefetch = 256;
/** Milliseconds without a message after which the browser checks whether the queue is empty. */
const quietMs = 250;
/** Milliseconds after which a queue that has messages but delivers none causes an error. */
const patienceMs = 10_000;

/** One consumer of the channel. */
interface Reader {
  readonly tag: string;
  /** Number of deliveries that were not removed. */
  held: number;
  /** The last delivery that is left in the queue. */
  lastLeft: RawMessage | undefined;
}

export class Browser {
  readonly #channel: Channel;
  readonly #settings: BrowserSettings;
  /** Number of ready messages at the start. No more are read. */
  readonly total: number;
  readonly #readers: Reader[] = [];
  readonly #arrived: BrowsedMessage[] = [];
  /** Messages that the republisher is handling. */
  readonly #kept = new Set<Promise<void>>();
  #wake: () => void = () => undefined;
  #failure: MqError | undefined;

  private constructor(channel: Channel, total: number, settings: BrowserSettings) {
    this.#channel = channel;
    this.total = total;
    this.#settings = settings;
    channel.on('error', (error: Error) => this.#fail(error));
    channel.on('close', () => this.#fail(new Error('Channel closed')));
  }

  static async open(connection: BrokerConnection, settings: BrowserSettings): Promise<Browser> {
    try {
      const channel = await connection.channel(settings.vhost);
      channel.on('error', () => undefined);
      const total = await readyCount(channel, settings.queue);
      await promised((next) => channel.prefetch(prefetch, false, next));
      return new Browser(channel, total, settings);
    } catch (error) {
      throw failureOf(error, settings.redact);
    }
  }

  /** Yields the messages that were ready at the start. Throws if the connection is lost, which requeues all of them. */
  async *messages(): AsyncGenerator<BrowsedMessage> {
    for (let seen = 0; seen < this.total; seen += 1) {
      const looked = await this.#next();
      if (!looked) return;
      yield looked;
      if (this.#kept.size >= prefetch) await Promise.all(this.#kept);
    }
  }

  /** Deletes all messages at once (queue.purge) and returns their number. */
  async purge(): Promise<number> {
    const { queue, redact } = this.#settings;
    try {
      const purged = await promised<{ messageCount: number }>((next) => this.#channel.purgeQueue(queue, next));
      return purged.messageCount;
    } catch (error) {
      throw failureOf(error, redact);
    }
  }

  /** Returns the remaining messages to the queue in their order. Never rejects. */
  async close(): Promise<void> {
    if (this.#failure) return;
    try {
      await this.#cancel();
      for (const looked of this.#arrived.splice(0)) looked.leave();
      await Promise.all(this.#kept);
      for (const { lastLeft } of this.#readers) {
        // RabbitMQ 4.3: a quorum queue counts a closed channel as a delivery, but not a nack.
        if (lastLeft) this.#channel.nack(lastLeft, true, true);
      }
      await new Promise<void>((resolve) => this.#channel.close(() => resolve()));
    } catch {
      // amqplib throws if the channel is already closed. The broker has requeued everything then.
    }
  }

  async #next(): Promise<BrowsedMessage | undefined> {
    const begun = performance.now();
    for (;;) {
      if (this.#failure) throw this.#failure;
      const looked = this.#arrived.shift();
      if (looked) return looked;
      const reader = this.#readers.at(-1);
      if (!reader || reader.held >= prefetch) await this.#read();
      else if (!(await this.#arrival())) {
        if ((await readyCount(this.#channel, this.#settings.queue)) === 0 && this.#arrived.length === 0)
          return undefined;
        if (performance.now() - begun > patienceMs) throw this.#withheld();
      }
    }
  }

  /** Resolves to `true` if a message arrives within a short time. */
  #arrival(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), quietMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #keep(looked: BrowsedMessage): void {
    const kept = this.#settings.republisher.keep(looked).then(() => void this.#kept.delete(kept));
    this.#kept.add(kept);
  }

  async #read(): Promise<void> {
    const { queue, redact } = this.#settings;
    try {
      await this.#cancel();
      // RabbitMQ requeues by consumer tag, so the tags sort in the order of their messages.
      const tag = `mq-${String(this.#readers.length).padStart(9, '0')}`;
      const reader: Reader = { tag, held: 0, lastLeft: undefined };
      this.#readers.push(reader);
      const onMessage = (raw: RawMessage | null) => {
        if (raw) this.#arrive(reader, raw);
        else this.#fail(new Error('the broker cancelled the consumer'));
      };
      await promised((next) => this.#channel.consume(queue, onMessage, { consumerTag: tag }, next));
    } catch (error) {
      throw this.#failure ?? failureOf(error, redact);
    }
  }

  #arrive(reader: Reader, raw: RawMessage): void {
    reader.held += 1;
    const looked = {
      raw,
      take: () => {
        reader.held -= 1;
        if (!this.#failure) this.#channel.ack(raw, false);
      },
      leave: () => {
        if (raw.fields.deliveryTag > (reader.lastLeft?.fields.deliveryTag ?? 0)) reader.lastLeft = raw;
      },
    };
    const { republisher } = this.#settings;
    const isKept = republisher.isNeeded(raw, this.#channel.connection?.serverProperties ?? {});
    this.#arrived.push(isKept ? { ...looked, leave: () => this.#keep(looked) } : looked);
    this.#wake();
  }

  /** Cancels the last consumer. After its answer, all deliveries of the consumer have arrived. */
  async #cancel(): Promise<void> {
    const reader = this.#readers.at(-1);
    if (reader) await promised((next) => this.#channel.cancel(reader.tag, next));
  }

  #fail(error: Error): void {
    this.#failure ??= failureOf(error, this.#settings.redact);
    this.#wake();
  }

  #withheld(): MqError {
    return new MqError('DEADLINE', `the queue '${this.#settings.queue}' has messages but delivers none`, {
      hint: 'another consumer may have exclusive access to it',
    });
  }
}
