// Reads a queue: yields each message once, in order, and the caller removes it (acknowledges it) or leaves it in the
// queue. Memory use is bounded, because a consumer receives at most `prefetch` unacknowledged messages. When that many
// messages are left in the queue, another consumer on the same channel receives the next ones.

import { MqError } from '../errors.ts';
import type { Channel } from './channel.ts';
import type { BrokerConnection } from './connecting/broker-connection.ts';
import { readyCount, returnDeliveries } from './consuming/ready-count.ts';
import { failureOf } from './failure.ts';
import { promised } from './promised.ts';
import type { RawMessage } from './raw-message.ts';

/** A message that was read. The caller must call either `remove` or `leave`, once, at any time. */
export interface BrowsedMessage {
  readonly raw: RawMessage;
  /** Removes the message from the queue. */
  remove(): void;
  leave(): void;
}

/** Republishes messages that the broker would drop if they were returned to their queue. */
export interface Republisher {
  /** Reports whether the broker would drop the message. `server` contains the broker's properties from the login. */
  isNeeded(raw: RawMessage, server: Readonly<Record<string, unknown>>): boolean;
  /** Publishes a copy and removes the message, or leaves the message if that fails. Never rejects. */
  republish(message: BrowsedMessage): Promise<void>;
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
const deliveryTimeoutMs = 10_000;

/** One consumer of the channel. */
interface Reader {
  readonly tag: string;
  /** Number of deliveries that were not removed. */
  unacked: number;
  /** The last delivery that is left in the queue. */
  lastLeft: RawMessage | undefined;
}

export class Browser {
  readonly #channel: Channel;
  readonly #settings: BrowserSettings;
  /** Number of ready messages at the start. At most this many are read. */
  readonly total: number;
  readonly #readers: Reader[] = [];
  readonly #arrived: BrowsedMessage[] = [];
  /** Messages that the republisher is handling. */
  readonly #republishing = new Set<Promise<void>>();
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
      const message = await this.#next();
      if (!message) return;
      yield message;
      if (this.#republishing.size >= prefetch) await Promise.all(this.#republishing);
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
      for (const message of this.#arrived.splice(0)) message.leave();
      await Promise.all(this.#republishing);
      const last = this.#readers.map(({ lastLeft }) => lastLeft);
      await returnDeliveries(this.#channel, this.#settings.queue, last);
      await new Promise<void>((resolve) => this.#channel.close(() => resolve()));
    } catch {
      // amqplib throws if the channel is already closed. The broker has requeued everything then.
    }
  }

  async #next(): Promise<BrowsedMessage | undefined> {
    const begun = performance.now();
    for (;;) {
      if (this.#failure) throw this.#failure;
      const message = this.#arrived.shift();
      if (message) return message;
      const reader = this.#readers.at(-1);
      if (!reader || reader.unacked >= prefetch) await this.#read();
      else if (!(await this.#arrival())) {
        if ((await readyCount(this.#channel, this.#settings.queue)) === 0 && this.#arrived.length === 0)
          return undefined;
        if (performance.now() - begun > deliveryTimeoutMs) throw this.#withheld();
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

  #republish(message: BrowsedMessage): void {
    const work = this.#settings.republisher.republish(message).then(() => void this.#republishing.delete(work));
    this.#republishing.add(work);
  }

  async #read(): Promise<void> {
    const { queue, redact } = this.#settings;
    try {
      await this.#cancel();
      // RabbitMQ requeues in the order of the consumer tags, so the tags are numbered.
      const tag = `mq-${String(this.#readers.length).padStart(9, '0')}`;
      const reader: Reader = { tag, unacked: 0, lastLeft: undefined };
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
    reader.unacked += 1;
    const message = {
      raw,
      remove: () => {
        reader.unacked -= 1;
        if (!this.#failure) this.#channel.ack(raw, false);
      },
      leave: () => {
        if (raw.fields.deliveryTag > (reader.lastLeft?.fields.deliveryTag ?? 0)) reader.lastLeft = raw;
      },
    };
    const { republisher } = this.#settings;
    const isRepublished = republisher.isNeeded(raw, this.#channel.connection?.serverProperties ?? {});
    this.#arrived.push(isRepublished ? { ...message, leave: () => this.#republish(message) } : message);
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
