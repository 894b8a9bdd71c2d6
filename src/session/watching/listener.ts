// Subscribes to exchanges with temporary queues that are deleted with the connection. Nothing of rascal.json is
// declared. A lost connection ends the subscription, because messages were missed and the caller must know it.

import { MqError } from '../../errors.ts';
import type { Channel } from '../channel.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import { failureOf } from '../failure.ts';
import { promised } from '../promised.ts';
import type { Properties, RawMessage } from '../raw-message.ts';
import { TapQueue } from './tap-queue.ts';

export interface ReceivedMessage {
  readonly body: Buffer;
  /** Name of the exchange. '' is the default exchange. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  readonly properties: Properties;
}

/** Called with each message. The broker sends at most `prefetch` messages without a call of `done`. */
export type OnMessage = (message: ReceivedMessage, done: () => void) => void;

export interface Subscription {
  /** The broker's name of the queue, which is usable as a reply address. */
  readonly queue: string;
  stop(): Promise<void>;
}

const prefetch = 256;

export class Listener {
  readonly #channel: Channel;
  readonly #redact: (text: string) => string;
  readonly #closed = Promise.withResolvers<MqError>();

  private constructor(channel: Channel, redact: (text: string) => string) {
    this.#channel = channel;
    this.#redact = redact;
    let cause: Error | undefined;
    channel.on('error', (error: Error) => {
      cause = error;
    });
    channel.on('close', () => this.#closed.resolve(failureOf(cause ?? new Error('Channel closed'), redact)));
  }

  static async open(
    connection: BrokerConnection,
    { vhost, redact }: { vhost: string; redact: (text: string) => string },
  ) {
    try {
      const channel = await connection.channel(vhost);
      const listener = new Listener(channel, redact);
      await promised((next) => channel.prefetch(prefetch, false, next));
      return listener;
    } catch (error) {
      throw failureOf(error, redact);
    }
  }

  /** Resolves with the reason when no more messages can be received. */
  get closed(): Promise<MqError> {
    return this.#closed.promise;
  }

  /**
   * Creates a queue and binds it to `source`, or leaves it unbound if `source` is undefined. A missing exchange closes
   * the channel and ends all subscriptions.
   */
  async listen(
    source: { exchange: string; bindingKey: string } | undefined,
    onMessage: OnMessage,
  ): Promise<Subscription> {
    const subscribe = async () => {
      const queue = await TapQueue.open(this.#channel, {
        sources: source ? [source] : [],
        counts: false,
        onMessage: (message) => onMessage(receivedMessage(message), () => this.#ack(message)),
        onCancel: () => this.#closed.resolve(new MqError('UNAVAILABLE', 'the broker cancelled the subscription')),
      });
      const stop = async () => {
        await queue.cancel();
        await queue.delete();
      };
      return { queue: queue.name, stop };
    };
    // If the channel closes, amqplib answers pending calls only with "closed". The close event contains the reason.
    return subscribe().catch(async (error: unknown) => {
      if (/clos/i.test(String(error))) throw await this.closed;
      throw failureOf(error, this.#redact);
    });
  }

  #ack(message: RawMessage): void {
    try {
      this.#channel.ack(message, false);
    } catch {
      // amqplib throws if the channel is closing. The queue is deleted with it.
    }
  }
}

function receivedMessage({ content, fields, properties }: RawMessage): ReceivedMessage {
  const { exchange, routingKey, redelivered } = fields;
  return { body: content, exchange, routingKey, redelivered, properties };
}
