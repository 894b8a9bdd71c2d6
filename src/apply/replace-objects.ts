// Declares, binds and deletes the objects of a replacement on its single connection.

import type { Plain } from '../config/plain.ts';
import { MqError } from '../errors.ts';
import type { SingleConnection } from '../session/session.ts';

interface DeclaredQueue {
  readonly name: string;
  /** `undefined` means the default queue type of the vhost. */
  readonly type?: string | undefined;
  readonly durable?: boolean;
  readonly autoDelete?: boolean;
  readonly arguments: Plain;
}

export class ReplacedObjects {
  readonly #connection: SingleConnection;

  constructor(connection: SingleConnection) {
    this.#connection = connection;
  }

  async declareQueue({ name, type, durable = true, autoDelete = false, arguments: all }: DeclaredQueue): Promise<void> {
    const typed = { ...(type !== undefined && { 'x-queue-type': type }), ...all };
    await this.#connection.call('a declaration', (channel, next) =>
      channel.assertQueue(name, { durable, autoDelete, arguments: typed }, next),
    );
  }

  /** Deletes a queue with its messages. RabbitMQ: deleting a queue that does not exist succeeds. */
  async deleteQueue(name: string): Promise<void> {
    await this.#connection.call('a deletion', (channel, next) => channel.deleteQueue(name, {}, next));
  }

  /**
   * Deletes a classic queue if it has neither ready messages nor consumers. Returns `false` if it has some, which the
   * broker checks in the same moment.
   */
  async deleteEmpty(name: string): Promise<boolean> {
    try {
      const options = { ifEmpty: true, ifUnused: true };
      await this.#connection.call('a deletion', (channel, next) => channel.deleteQueue(name, options, next));
      return true;
    } catch (error) {
      if (isPrecondition(error)) return false;
      throw error;
    }
  }

  /** Returns the current numbers of ready messages and consumers. */
  depth(name: string): ReturnType<SingleConnection['depth']> {
    return this.#connection.depth(name);
  }

  /**
   * Declares an exchange that routes every message to one queue only. A fanout exchange keeps the routing key and does
   * not use the headers CC and BCC for routing, unlike the default exchange.
   */
  async routeTo(exchange: string, queue: string): Promise<void> {
    await this.removeRoute(exchange);
    const options = { durable: false };
    await this.#connection.call('a declaration', (channel, next) =>
      channel.assertExchange(exchange, 'fanout', options, next),
    );
    await this.#connection.call('a binding', (channel, next) => channel.bindQueue(queue, exchange, '', {}, next));
  }

  /** Deletes the exchange. RabbitMQ: deleting an exchange that does not exist succeeds. */
  async removeRoute(exchange: string): Promise<void> {
    await this.#connection.call('a deletion', (channel, next) => channel.deleteExchange(exchange, {}, next));
  }
}

/** Reports whether the error is a 406 of the broker. */
export function isPrecondition(error: unknown): boolean {
  const { cause } = error instanceof MqError ? error : {};
  return cause instanceof Error && cause.message.includes('PRECONDITION_FAILED');
}
