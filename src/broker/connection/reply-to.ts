// Direct reply-to (https://www.rabbitmq.com/docs/direct-reply-to): a reply goes to the channel that sent the request, and is
// not stored in a queue.

import { randomBytes } from 'node:crypto';
import type { Message } from '../queue/message.ts';

/** The name that a client consumes from, and that its requests have as their reply-to. */
export const replyQueue = 'amq.rabbitmq.reply-to';
/** Start of the address that the broker puts in its place. */
export const replyPrefix = `${replyQueue}.`;

const tokenBytes = 18;
const addressForm = /^amq\.rabbitmq\.reply-to\.[\w-]{24}$/;

export class Replies {
  readonly #consumers = new Map<string, (message: Message) => void>();

  /** Returns a new address. `receive` is called with the messages that are published to it. */
  add(receive: (message: Message) => void): string {
    const address = `${replyPrefix}${randomBytes(tokenBytes).toString('base64url')}`;
    this.#consumers.set(address, receive);
    return address;
  }

  remove(address: string): void {
    this.#consumers.delete(address);
  }

  has(address: string): boolean {
    return this.#consumers.has(address);
  }

  /**
   * Returns false if the routing key does not have the form of an address. RabbitMQ 4.3: a reply to a consumer that is gone
   * counts as routed.
   */
  deliver(message: Message): boolean {
    this.#consumers.get(message.routingKey)?.(message);
    return addressForm.test(message.routingKey);
  }
}
