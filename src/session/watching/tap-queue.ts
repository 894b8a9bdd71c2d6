// The queue of a tap: it is exclusive, bound to exchanges, and drops its oldest messages when it is full. The broker
// dead-letters the dropped messages to a second exclusive queue, where mq counts and deletes them.

import type { Channel } from '../channel.ts';
import { promised } from '../promised.ts';
import type { RawMessage } from '../raw-message.ts';

/** A binding of a tap. */
export interface TapSource {
  /** The broker's name. */
  readonly exchange: string;
  readonly bindingKey: string;
  /** Arguments of the binding, for a headers exchange. Default none. */
  readonly arguments?: Readonly<Record<string, unknown>>;
}

export interface Missed {
  /** Number of messages that the broker dropped because the tap was too slow. */
  readonly count: number;
  /** `false` if more messages may have been dropped. */
  readonly isExact: boolean;
}

interface TapQueueSettings {
  readonly sources: readonly TapSource[];
  /** Counts the dropped messages. The user then needs the permission to write to the default exchange. */
  readonly counts: boolean;
  /** Receives each message; the broker sends no more than the prefetch of the channel without an `ack`. */
  readonly onMessage: (message: RawMessage) => void;
  /** Called when the broker cancels the consumer. */
  readonly onCancel: () => void;
}

/** Limits of a tap's queue, so that a slow reader fills neither the memory nor the disk of the broker. */
const limits = { 'x-max-length': 10_000, 'x-max-length-bytes': 256 * 1024 * 1024, 'x-overflow': 'drop-head' };
/** Limits of the queue with the dropped messages. mq empties it once a second. */
const droppedLimits = { 'x-max-length': 50_000, 'x-max-length-bytes': 64 * 1024 * 1024, 'x-overflow': 'drop-head' };
/** Reports whether these are the arguments of a tap's queue. */
export function isTapQueue(all: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(limits).every(([name, value]) => all[name] === value);
}

/** RabbitMQ: the default queue type of the vhost may not support exclusive queues. */
const classic = { 'x-queue-type': 'classic' };

export class TapQueue {
  readonly #channel: Channel;
  /** The broker's name. */
  readonly name: string;
  readonly #consumerTag: string;
  readonly #drops: Drops | undefined;

  private constructor(
    channel: Channel,
    { name, consumerTag, drops }: { name: string; consumerTag: string; drops: Drops | undefined },
  ) {
    this.#channel = channel;
    this.name = name;
    this.#consumerTag = consumerTag;
    this.#drops = drops;
  }

  /** Declares the queue, binds it, and consumes it. Rejects with the error of amqplib. */
  static async open(channel: Channel, { sources, counts, onMessage, onCancel }: TapQueueSettings): Promise<TapQueue> {
    const drops = counts ? await Drops.open(channel) : undefined;
    const name = await declared(channel, { ...limits, ...drops?.source });
    for (const { exchange, bindingKey, arguments: all = {} } of sources)
      await promised((next) => channel.bindQueue(name, exchange, bindingKey, all, next));
    const receive = (message: RawMessage | null) => (message ? onMessage(message) : onCancel());
    const { consumerTag } = await promised<{ consumerTag: string }>((next) =>
      channel.consume(name, receive, { exclusive: true }, next),
    );
    return new TapQueue(channel, { name, consumerTag, drops });
  }

  /** Returns the messages that were dropped up to now. Rejects if the channel closes. */
  async missed(): Promise<Missed> {
    return (await this.#drops?.count()) ?? { count: 0, isExact: false };
  }

  /** Ends the deliveries. Rejects if the channel closes. */
  async cancel(): Promise<void> {
    await promised((next) => this.#channel.cancel(this.#consumerTag, next));
  }

  /** Deletes the queue, which removes its bindings. Returns the number of its messages. Rejects if the channel closes. */
  async delete(): Promise<number> {
    const answer = promised<{ messageCount: number }>((next) => this.#channel.deleteQueue(this.name, {}, next));
    return (await answer).messageCount;
  }
}

/**
 * Counts dropped messages. AMQP has no counter of them, but the answer of queue.purge contains the exact number of the
 * messages that it deleted.
 */
class Drops {
  readonly #channel: Channel;
  readonly #queue: string;
  /** Keeps one message that was dropped from the queue with the dropped messages. */
  readonly #overflow: string;
  #counted: Missed = { count: 0, isExact: true };

  private constructor(channel: Channel, queue: string, overflow: string) {
    this.#channel = channel;
    this.#queue = queue;
    this.#overflow = overflow;
  }

  static async open(channel: Channel): Promise<Drops> {
    const overflow = await declared(channel, { 'x-max-length': 1, 'x-overflow': 'drop-head' });
    return new Drops(channel, await declared(channel, { ...droppedLimits, ...deadLetteredTo(overflow) }), overflow);
  }

  /** Arguments of the queue whose dropped messages are counted. */
  get source(): Readonly<Record<string, unknown>> {
    return deadLetteredTo(this.#queue);
  }

  async count(): Promise<Missed> {
    const purged = await this.#purge(this.#queue);
    const overflow = await this.#purge(this.#overflow);
    const { count, isExact } = this.#counted;
    this.#counted = { count: count + purged + overflow, isExact: isExact && overflow === 0 };
    return this.#counted;
  }

  async #purge(queue: string): Promise<number> {
    const { messageCount } = await promised<{ messageCount: number }>((next) => this.#channel.purgeQueue(queue, next));
    return messageCount;
  }
}

/** Declares an exclusive queue and returns its name. */
async function declared(channel: Channel, more: Readonly<Record<string, unknown>>): Promise<string> {
  const options = { exclusive: true, durable: false, autoDelete: false, arguments: { ...classic, ...more } };
  const { queue } = await promised<{ queue: string }>((next) => channel.assertQueue('', options, next));
  return queue;
}

function deadLetteredTo(queue: string): Readonly<Record<string, unknown>> {
  return { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': queue };
}
