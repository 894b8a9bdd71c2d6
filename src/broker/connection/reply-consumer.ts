// The direct reply-to consumer of a channel (https://www.rabbitmq.com/docs/direct-reply-to). A channel has at most one.

import { ProtocolError } from '../protocol-error.ts';
import type { ChannelScope } from './channel-scope.ts';

/** Replies to a client with more unread bytes than this are dropped. */
const unreadReplyBytes = 32 * 1024 * 1024;

export class ReplyConsumer {
  readonly #channel: ChannelScope;
  readonly #nextDeliveryTag: () => number;
  #address: string | undefined;
  #consumerTag = '';

  constructor(channel: ChannelScope, nextDeliveryTag: () => number) {
    this.#channel = channel;
    this.#nextDeliveryTag = nextDeliveryTag;
  }

  /** The reply-to address of requests that the channel publishes. `undefined` without a reply consumer. */
  get address(): string | undefined {
    return this.#address;
  }

  hasTag(consumerTag: string): boolean {
    return this.#address !== undefined && consumerTag === this.#consumerTag;
  }

  /** Starts the reply consumer. Throws 406 if the channel already has one, or if the consumer would acknowledge. */
  start(consumerTag: string, noAck: boolean): void {
    if (!noAck) throw new ProtocolError('PRECONDITION_FAILED', 'reply consumer cannot acknowledge');
    if (this.#address !== undefined) throw new ProtocolError('PRECONDITION_FAILED', 'reply consumer already set');
    const { connection, number } = this.#channel;
    this.#consumerTag = consumerTag;
    this.#address = connection.replies.add((message) => {
      // RabbitMQ delivers replies at most once, so they may be dropped. This limits the memory for a slow client.
      if (connection.output.waitingBytes > unreadReplyBytes) return;
      connection.output.deliver(number, consumerTag, this.#nextDeliveryTag(), false, message);
    });
  }

  stop(): void {
    if (this.#address === undefined) return;
    this.#channel.connection.replies.remove(this.#address);
    this.#address = undefined;
    this.#consumerTag = '';
  }
}
