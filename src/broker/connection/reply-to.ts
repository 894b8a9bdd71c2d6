// Direct reply-to (https://www.rabbitmq.com/docs/direct-reply-to): replies go straight to the channel that asked.

import { randomBytes } from 'node:crypto';
import type { Message } from '../queue/message.ts';

/** A client consumes from this name, and names it as its reply-to. */
export const replyQueue = 'amq.rabbitmq.reply-to';
/** What others see instead. */
export const replyPrefix = `${replyQueue}.`;

const tokenBytes = 18;
const addressForm = /^amq\.rabbitmq\.reply-to\.[\w-]{24}$/;

export class Replies {
  readonly #consumers = new Map<string, (message: Message) => void>();

  /** Gives the address under which the consumer is reached. */
  add(take: (message: Message) => void): string {
    const address = `${replyPrefix}${randomBytes(tokenBytes).toString('base64url')}`;
    this.#consumers.set(address, take);
    return address;
  }

  remove(address: string): void {
    this.#consumers.delete(address);
  }

  has(address: string): boolean {
    return this.#consumers.has(address);
  }

  /** Returns false if no consumer can ever have had this address. RabbitMQ 4.3: a reply to one that is gone is routed. */
  deliver(message: Message): boolean {
    this.#consumers.get(message.routingKey)?.(message);
    return addressForm.test(message.routingKey);
  }
}
