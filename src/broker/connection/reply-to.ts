// Direct reply-to (https://www.rabbitmq.com/docs/direct-reply-to). A reply is sent to the channel that published the request,
// and is not stored in a queue.

import { time } from '../../time.ts';
import type { Message } from '../queue/message.ts';

/** The queue name from which a client consumes replies, and which it sets as the reply-to of its requests. */
export const replyQueue = 'amq.rabbitmq.reply-to';
/** Prefix of the addresses with which the broker replaces that name in requests. */
export const replyPrefix = `${replyQueue}.`;

const tokenBytes = 18;
const addressForm = /^amq\.rabbitmq\.reply-to\.[\w-]{24}$/;

export class Replies {
  readonly #consumers = new Map<string, (message: Message) => void>();

  /** Returns a new address. Calls `receive` for each message that is published to it. */
  add(receive: (message: Message) => void): string {
    const address = `${replyPrefix}${time.randomBytes(tokenBytes).toString('base64url')}`;
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
   * Delivers a reply. Returns false if the routing key does not have the form of an address. RabbitMQ 4.3: a reply counts as
   * routed even if its consumer no longer exists.
   */
  deliver(message: Message): boolean {
    this.#consumers.get(message.routingKey)?.(message);
    return addressForm.test(message.routingKey);
  }
}
