// Holds one AMQP connection that is never replaced. After a loss every call fails, because the broker then deletes the
// exclusive queue that locks an object, and another mq may change it.

import { MqError } from '../../errors.ts';
import { pause, time } from '../../time.ts';
import type { Channel, ConfirmChannel } from '../channel.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import { certainDepth } from '../consuming/ready-count.ts';
import { failureOf } from '../failure.ts';
import { promised } from '../promised.ts';
import { Mover, type MoveSettings, type Room } from './mover.ts';

interface SingleSettings {
  readonly vhost: string;
  /** User of the login. */
  readonly user: string;
  readonly redact: (text: string) => string;
}

interface Depth {
  readonly messageCount: number;
  readonly consumerCount: number;
}

interface MovedBinding {
  readonly source: string;
  readonly key: string;
  readonly arguments: object;
}

/** AMQP 0-9-1, 1.7.2.3: class 50, method 20. */
const queueBind = (50 << 16) | 20;

type Next<T> = (error: Error | null, ok: T) => void;

/** Milliseconds between two attempts to take a lock. */
const lockPauseMs = 100;
/** Milliseconds to wait for a lock. After kill -9, a broker needs a moment to delete the exclusive queue. */
const lockMs = 3_000;

export class SingleConnection {
  readonly #connection: BrokerConnection;
  readonly #settings: SingleSettings;
  readonly #lost = Promise.withResolvers<never>();
  #failure: MqError | undefined;
  #control: Channel | undefined;

  constructor(connection: BrokerConnection, settings: SingleSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#lost.promise.catch(() => undefined);
    const end = (error: MqError) => {
      this.#failure ??= error;
      this.#lost.reject(this.#failure);
      connection.abort();
    };
    connection.on('lost', end);
    connection.on('fatal', end);
  }

  /**
   * Sends one method on the control channel and returns the answer. A refusal closes the channel (AMQP 0-9-1, 1.2.1), so
   * the next call opens another. Throws the MqError of the refusal, or of the loss of the connection.
   */
  async call<T>(what: string, send: (channel: Channel, next: Next<T>) => void): Promise<T> {
    try {
      this.#control ??= await this.#openControl();
      const channel = this.#control;
      return await this.answered(
        what,
        promised<T>((next) => send(channel, next)),
      );
    } catch (error) {
      throw this.failureOf(error);
    }
  }

  /**
   * Declares an exclusive queue, which only this connection can have. Returns `false` if another connection has it for
   * some seconds. The lock ends with the connection.
   */
  async lock(queue: string): Promise<boolean> {
    const options = { exclusive: true, durable: false, arguments: { 'x-queue-type': 'classic' } };
    for (const begun = time.now(); ; ) {
      try {
        await this.call('a lock', (channel, next) => channel.assertQueue(queue, options, next));
        return true;
      } catch (error) {
        if (!isLocked(error)) throw error;
        if (time.now() - begun > lockMs) return false;
        await pause(lockPauseMs);
      }
    }
  }

  /**
   * Binds one queue and unbinds another in the same way. Both methods are sent together, and the broker executes them one
   * after the other, so that only few messages reach both queues. If the first one is refused, the second is not executed.
   */
  moveBinding(
    { source, key, arguments: all }: MovedBinding,
    { from, to }: { from: string; to: string },
  ): Promise<object> {
    return this.call<object>('a binding', (channel, next) => {
      const fields = { ticket: 0, queue: to, exchange: source, routingKey: key, nowait: true, arguments: all };
      channel.sendImmediately(queueBind, fields);
      channel.unbindQueue(from, source, key, all, next);
    });
  }

  /** Returns the current numbers of ready messages and consumers. Throws DEADLINE like `certainDepth`. */
  depth(queue: string): Promise<Depth> {
    return certainDepth(() => this.call<Depth>('a check', (channel, next) => channel.checkQueue(queue, next)));
  }

  /** Deletes the lock and closes the connection. Never rejects. */
  async unlock(queue: string): Promise<void> {
    // RabbitMQ deletes an exclusive queue a moment after its connection, and the next run would have to wait for that.
    await this.call('a deletion', (channel, next) => channel.deleteQueue(queue, {}, next)).catch(() => undefined);
    await this.#connection.close();
  }

  get user(): string {
    return this.#settings.user;
  }

  /** Starts to move the messages of a queue, at most as many as there is room for. */
  move(settings: MoveSettings, room?: Room): Promise<Mover> {
    return Mover.start(this, settings, room);
  }

  channel(): Promise<Channel> {
    return this.#opened(this.#connection.channel(this.#settings.vhost));
  }

  confirmChannel(): Promise<ConfirmChannel> {
    return this.#opened(this.#connection.confirmChannel(this.#settings.vhost));
  }

  /** Waits for an answer. After some time without one, the connection is ended. Rejects when the connection is lost. */
  answered<T>(what: string, answer: Promise<T>): Promise<T> {
    return this.#connection.answered(what, Promise.race([answer, this.#lost.promise]));
  }

  failureOf(error: unknown): MqError {
    return this.#failure ?? failureOf(error, this.#settings.redact);
  }

  async #openControl(): Promise<Channel> {
    const channel = await this.channel();
    channel.on('close', () => {
      if (this.#control === channel) this.#control = undefined;
    });
    return channel;
  }

  async #opened<C extends Channel>(opening: Promise<C>): Promise<C> {
    const channel = await Promise.race([opening, this.#lost.promise]);
    channel.on('error', () => undefined);
    if (this.#failure) throw this.#failure;
    return channel;
  }
}

function isLocked(error: unknown): boolean {
  const { cause } = error instanceof MqError ? error : {};
  return cause instanceof Error && cause.message.includes('RESOURCE_LOCKED');
}
