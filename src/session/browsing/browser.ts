// Reads a queue: yields each message once, in order, and the caller removes it (acknowledges it) or leaves it in the
// queue. Memory use is bounded, because a consumer receives at most `prefetch` unacknowledged messages. When that many
// messages are left in the queue, another consumer on the same channel receives the next ones.

import { MqError } from '../../errors.ts';
import { time, turn } from '../../time.ts';
import type { Channel } from '../channel.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import { readyCount, returnDeliveries } from '../consuming/ready-count.ts';
import { failureOf, isInUse } from '../failure.ts';
import { promised } from '../promised.ts';
import type { RawMessage } from '../raw-message.ts';
import { streamError } from '../stream-error.ts';
import { Arrival } from './arrival.ts';
import type { QueueType } from './stream-probe.ts';

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
  /** Maximum number of messages that are read. `undefined` means all. */
  readonly most?: number | undefined;
  /** Asks for the type of the queue. */
  readonly type: () => Promise<QueueType>;
  readonly redact: (text: string) => string;
}

const mostUnacked = 256;
/** Milliseconds without a message after which the browser checks whether the queue is empty. */
const quietMs = 250;
/** Milliseconds after which messages are requested one by one if the queue has messages but delivers none. */
const undeliveredMs = 2_000;
/** Milliseconds after which a queue that has messages but returns none causes an error. */
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
  readonly #connection: BrokerConnection;
  #channel: Channel;
  readonly #settings: BrowserSettings;
  #prefetch: number;
  /** Number of messages that are read at most: the ready ones at the start, or fewer. */
  readonly total: number;
  readonly #readers: Reader[] = [];
  readonly #arrived: BrowsedMessage[] = [];
  /** Messages that the republisher is handling. */
  readonly #republishing = new Set<Promise<void>>();
  readonly #arrival = new Arrival();
  #failure: MqError | undefined;
  /** Number of messages that the caller removed. */
  #removed = 0;
  /** Receives the messages that are requested one by one. */
  #getter: Reader | undefined;
  /** The last delivery had been delivered before. */
  #isRedelivered = false;

  private constructor(connection: BrokerConnection, channel: Channel, total: number, settings: BrowserSettings) {
    this.#connection = connection;
    this.#channel = channel;
    this.total = total;
    this.#settings = settings;
    this.#prefetch = Math.min(mostUnacked, Math.max(1, settings.most ?? mostUnacked));
    this.#listen(channel);
  }

  static async open(connection: BrokerConnection, settings: BrowserSettings): Promise<Browser> {
    try {
      const channel = await connection.channel(settings.vhost);
      channel.on('error', () => undefined);
      const ready = await readyCount(channel, settings.queue);
      const browser = new Browser(connection, channel, Math.min(ready, settings.most ?? ready), settings);
      await promised((next) => channel.prefetch(browser.#prefetch, false, next));
      return browser;
    } catch (error) {
      throw failureOf(error, settings.redact);
    }
  }

  /** Yields the messages that were ready at the start. Throws if the connection is lost, which requeues all of them. */
  async *messages(): AsyncGenerator<BrowsedMessage> {
    for (let seen = 0; seen < this.total; seen += 1) {
      const message = await this.#nextOrFailure();
      if (!message) return;
      yield message;
      if (this.#republishing.size >= mostUnacked) await Promise.all(this.#republishing);
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

  /**
   * Waits until the broker has received every removal. Throws IN_DOUBT if the connection is lost before that, because
   * the broker returns the messages whose removal it has not received to the queue.
   */
  async flush(): Promise<void> {
    if (this.#removed === 0) return;
    try {
      // The broker handles the requests of a channel in order, and answers this one.
      await promised((next) => this.#channel.prefetch(this.#prefetch, false, next));
    } catch (error) {
      // amqplib answers the pending call before the events, which contain the reason.
      await turn();
      this.#failure ??= failureOf(error, this.#settings.redact);
    }
    if (this.#failure) throw this.#removalInDoubt(this.#failure);
  }

  /** Returns the remaining messages to the queue in their order. Never rejects. */
  async close(): Promise<void> {
    if (this.#failure) return;
    try {
      await this.#cancel();
      for (const message of this.#arrived.splice(0)) message.leave();
      await this.#readReturned().catch(() => undefined);
      await Promise.all(this.#republishing);
      const left = this.#readers.filter(({ lastLeft }) => lastLeft);
      const count = left.reduce((sum, { unacked }) => sum + unacked, 0);
      await returnDeliveries(this.#channel, this.#settings.queue, {
        last: left.map(({ lastLeft }) => lastLeft),
        count,
      });
      await new Promise<void>((resolve) => this.#channel.close(() => resolve()));
    } catch {
      // amqplib throws if the channel is already closed. The broker has requeued everything then.
    }
  }

  /**
   * Reads on to the first message that was never delivered. A quorum queue delivers returned messages first, and appends
   * new ones to them: those of this browser would otherwise move behind returned messages that it did not read.
   */
  async #readReturned(): Promise<void> {
    if (!this.#isRedelivered) return;
    const ready = await readyCount(this.#channel, this.#settings.queue);
    if (ready === 0 || (await this.#settings.type()) !== 'quorum') return;
    this.#prefetch = mostUnacked;
    await promised((next) => this.#channel.prefetch(mostUnacked, false, next));
    if (!this.#getter) await this.#read();
    try {
      // Others can return messages at the same time. The number of the ready messages limits the loop.
      for (let read = 0; read < ready && this.#isRedelivered; read += 1) {
        const message = await this.#next();
        if (!message) return;
        message.leave();
        if (this.#republishing.size >= mostUnacked) await Promise.all(this.#republishing);
      }
    } finally {
      await this.#cancel();
      for (const message of this.#arrived.splice(0)) message.leave();
    }
  }

  async #nextOrFailure(): Promise<BrowsedMessage | undefined> {
    try {
      return await this.#next();
    } catch (error) {
      if (error instanceof MqError) throw error;
      // amqplib answers the pending call before the events, which contain the reason.
      await turn();
      throw this.#failure ?? failureOf(error, this.#settings.redact);
    }
  }

  async #next(): Promise<BrowsedMessage | undefined> {
    const begun = time.now();
    for (;;) {
      if (this.#failure) throw this.#failure;
      const message = this.#arrived.shift();
      if (message) return message;
      const reader = this.#readers.at(-1);
      if (this.#getter) await this.#get(this.#getter);
      else if (!reader || reader.unacked >= this.#prefetch) await this.#read();
      if (this.#arrived.length > 0 || (await this.#arrival.within(quietMs))) continue;
      if ((await readyCount(this.#channel, this.#settings.queue)) === 0 && this.#arrived.length === 0) return undefined;
      const silentMs = time.now() - begun;
      if (silentMs > deliveryTimeoutMs) throw this.#withheld();
      if (silentMs > undeliveredMs) await this.#requestSingly();
    }
  }

  /** Ends the consumer. From now on each message is requested. */
  async #requestSingly(): Promise<void> {
    if (this.#getter) return;
    // RabbitMQ: basic.get of a stream closes the connection with 540.
    if ((await this.#settings.type()) === 'stream') throw streamError(this.#settings.queue);
    await this.#cancel();
    this.#getter = this.#newReader();
  }

  /** Requests one message. */
  async #get(reader: Reader): Promise<void> {
    const { queue, redact } = this.#settings;
    try {
      const raw = await promised<RawMessage | false>((next) => this.#channel.get(queue, { noAck: false }, next));
      if (raw) this.#arrive(reader, raw);
    } catch (error) {
      // RabbitMQ: basic.get of a quorum queue with a single active consumer closes the channel with 405.
      if (error instanceof Error && error.message.includes('single active consumer')) throw this.#singlyActive();
      throw this.#failure ?? failureOf(error, redact);
    }
  }

  #republish(message: BrowsedMessage): void {
    const work = this.#settings.republisher.republish(message).then(() => void this.#republishing.delete(work));
    this.#republishing.add(work);
  }

  async #read(): Promise<void> {
    const { queue, redact } = this.#settings;
    try {
      await this.#cancel();
      const reader = this.#newReader();
      const { tag } = reader;
      const onMessage = (raw: RawMessage | null) => {
        if (raw) this.#arrive(reader, raw);
        else this.#fail(new Error('the broker cancelled the consumer'));
      };
      await promised((next) => this.#channel.consume(queue, onMessage, { consumerTag: tag }, next));
    } catch (error) {
      const failure = failureOf(error, redact);
      if (!isInUse(failure) || this.#readers.length > 1) throw this.#failure ?? failure;
      await this.#reopen();
      this.#getter = this.#newReader();
    }
  }

  #newReader(): Reader {
    // RabbitMQ requeues in the order of the consumer tags, so the tags are numbered.
    const tag = `mq-${String(this.#readers.length).padStart(9, '0')}`;
    const reader: Reader = { tag, unacked: 0, lastLeft: undefined };
    this.#readers.push(reader);
    return reader;
  }

  /** Opens another channel, because the refusal of a consumer has closed the first one. No message was received yet. */
  async #reopen(): Promise<void> {
    this.#channel = await this.#connection.channel(this.#settings.vhost);
    this.#failure = undefined;
    this.#readers.length = 0;
    this.#listen(this.#channel);
  }

  #listen(channel: Channel): void {
    const fail = (error: Error) => {
      if (this.#channel === channel) this.#fail(error);
    };
    channel.on('error', fail);
    channel.on('close', () => fail(new Error('Channel closed')));
  }

  #arrive(reader: Reader, raw: RawMessage): void {
    reader.unacked += 1;
    this.#isRedelivered = raw.fields.redelivered;
    const message = {
      raw,
      remove: () => {
        reader.unacked -= 1;
        this.#removed += 1;
        if (!this.#failure) this.#channel.ack(raw, false);
      },
      leave: () => {
        if (raw.fields.deliveryTag > (reader.lastLeft?.fields.deliveryTag ?? 0)) reader.lastLeft = raw;
      },
    };
    const { republisher } = this.#settings;
    const isRepublished = republisher.isNeeded(raw, this.#channel.connection?.serverProperties ?? {});
    this.#arrived.push(isRepublished ? { ...message, leave: () => this.#republish(message) } : message);
    this.#arrival.notify();
  }

  /** Cancels the last consumer. After its answer, all deliveries of the consumer have arrived. */
  async #cancel(): Promise<void> {
    const reader = this.#readers.at(-1);
    if (reader && reader !== this.#getter) await promised((next) => this.#channel.cancel(reader.tag, next));
  }

  #fail(error: Error): void {
    this.#failure ??= failureOf(error, this.#settings.redact);
    this.#arrival.notify();
  }

  #removalInDoubt(cause: MqError): MqError {
    const removed = this.#removed === 1 ? '1 removed message' : `${this.#removed} removed messages`;
    return new MqError('IN_DOUBT', `${removed} may still be in '${this.#settings.queue}': ${cause.message}`, {
      hint: 'the broker may not have received every removal; read the queue before you run the command again',
      cause,
    });
  }

  #singlyActive(): MqError {
    return new MqError('IN_USE', `the queue '${this.#settings.queue}' delivers only to its single active consumer`, {
      hint: 'stop that consumer, and read the queue then',
    });
  }

  #withheld(): MqError {
    return new MqError('DEADLINE', `the queue '${this.#settings.queue}' has messages but delivers none`, {
      hint: 'another consumer may have exclusive access to it',
    });
  }
}
