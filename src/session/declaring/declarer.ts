// Declares, binds and unbinds single objects by the broker's names, in the same way as Rascal does for a role.

import type { Plain } from '../../config/plain.ts';
import { MqError } from '../../errors.ts';
import { turn } from '../../time.ts';
import type { Channel } from '../channel.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import { endChannel } from '../consuming/channel-end.ts';
import { failureOf, isConnectionLoss } from '../failure.ts';
import { promised } from '../promised.ts';

interface DeclaredExchange {
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Plain;
}

interface DeclaredQueue {
  readonly name: string;
  /** `x-queue-type`. `undefined` means the default queue type of the vhost. */
  readonly type: string | undefined;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  /** Without `x-queue-type`. */
  readonly arguments: Plain;
}

interface DeclaredBinding {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly key: string;
  readonly arguments: Plain;
}

interface DeclarerSettings {
  readonly vhost: string;
  readonly redact: (text: string) => string;
}

type Next<T> = (error: Error | null, ok: T) => void;

/**
 * Sends one declaration at a time. A refused one closes its channel (AMQP 0-9-1, 1.2.1), so the next one opens another.
 * All methods throw the MqError of the refusal. After a lost connection they throw UNAVAILABLE and do not wait for another
 * connection, because the broker may have changed.
 */
export class Declarer {
  readonly #connection: BrokerConnection;
  readonly #settings: DeclarerSettings;
  #channel: Channel | undefined;
  readonly #loss = Promise.withResolvers<never>();
  #lost: MqError | undefined;
  readonly #onLost = (error: MqError) => {
    this.#lost ??= error;
    this.#loss.reject(error);
  };

  constructor(connection: BrokerConnection, settings: DeclarerSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#loss.promise.catch(() => undefined);
    connection.on('lost', this.#onLost);
    connection.on('fatal', this.#onLost);
  }

  /** Closes its channel. The connection stays open. */
  close(): void {
    this.#connection.off('lost', this.#onLost);
    this.#connection.off('fatal', this.#onLost);
    if (this.#channel) endChannel(this.#channel);
  }

  async exchange({ name, type, durable, autoDelete, internal, arguments: all }: DeclaredExchange): Promise<void> {
    const options = { durable, autoDelete, internal, arguments: all };
    await this.#call<unknown>((channel, next) => channel.assertExchange(name, type, options, next));
  }

  async queue({ name, type, durable, autoDelete, arguments: all }: DeclaredQueue): Promise<void> {
    const typed = { ...(type !== undefined && { 'x-queue-type': type }), ...all };
    await this.#call<unknown>((channel, next) =>
      channel.assertQueue(name, { durable, autoDelete, arguments: typed }, next),
    );
  }

  /** Reports whether a queue exists. A queue that the user may not check counts as existing (RabbitMQ 4.3.0). */
  async hasQueue(name: string): Promise<boolean> {
    try {
      await this.#call<unknown>((channel, next) => channel.checkQueue(name, next));
      return true;
    } catch (error) {
      if (error instanceof MqError && error.code === 'NOT_PERMITTED') return true;
      if (error instanceof MqError && error.code === 'TOPOLOGY') return false;
      throw error;
    }
  }

  async bind({ source, destination, destinationType, key, arguments: all }: DeclaredBinding): Promise<void> {
    await this.#call<unknown>((channel, next) =>
      destinationType === 'queue'
        ? channel.bindQueue(destination, source, key, all, next)
        : channel.bindExchange(destination, source, key, all, next),
    );
  }

  async unbind({ source, destination, destinationType, key, arguments: all }: DeclaredBinding): Promise<void> {
    await this.#call<unknown>((channel, next) =>
      destinationType === 'queue'
        ? channel.unbindQueue(destination, source, key, all, next)
        : channel.unbindExchange(destination, source, key, all, next),
    );
  }

  /**
   * Deletes a queue, and returns the number of its ready messages, which are lost. Returns 0 if it does not exist.
   * @param conditions if one is not met, the deletion is refused with PRECONDITION_FAILED. RabbitMQ: only classic queues
   * have conditions.
   */
  async deleteQueue(name: string, conditions: { ifUnused?: boolean; ifEmpty?: boolean }): Promise<number> {
    const { messageCount } = await this.#call<{ messageCount: number }>((channel, next) =>
      channel.deleteQueue(name, conditions, next),
    );
    return messageCount;
  }

  async #call<T>(send: (channel: Channel, next: Next<T>) => void): Promise<T> {
    const sent = async () => {
      const channel = await this.#open();
      return await promised<T>((next) => send(channel, next));
    };
    try {
      return await this.#connection.answered('a declaration', Promise.race([this.#loss.promise, sent()]));
    } catch (error) {
      const failure = failureOf(error, this.#settings.redact);
      if (!isConnectionLoss(failure)) throw failure;
      // The event with the broker's reason, for example 541, is emitted after this error, which has no reason.
      await turn();
      throw this.#lost ?? failure;
    }
  }

  async #open(): Promise<Channel> {
    if (this.#channel !== undefined) return this.#channel;
    const channel = await this.#connection.channel(this.#settings.vhost);
    channel.on('error', () => undefined);
    channel.on('close', () => {
      if (this.#channel === channel) this.#channel = undefined;
    });
    this.#channel = channel;
    return channel;
  }
}
