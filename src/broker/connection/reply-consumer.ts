// The direct reply-to consumer of a channel (https://www.rabbitmq.com/docs/direct-reply-to). A channel has at most one.

import { ProtocolError } from '../protocol-error.ts';
import type { ChannelScope } from './channel-scope.ts';

/** A client that has left more bytes unread receives no more replies. */
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

  /** The address that requests of the channel have as their reply-to. */
  get address(): string | undefined {
    return this.#address;
  }

  hasTag(consumerTag: string): boolean {
    return this.#address !== undefined && consumerTag === this.#consumerTag;
  }

  /** basic.consume. Throws 406 if the channel has a reply consumer, or if the consumer would acknowledge. */
  start(consumerTag: string, noAck: boolean): void {
    if (!noAck) throw new ProtocolError('PRECONDITION_FAILED', 'reply consumer cannot acknowledge');
    if (this.#address !== undefined) throw new ProtocolError('PRECONDITION_FAILED', 'reply consumer already set');
    const { connection, number } = this.#channel;
    this.#consumerTag = consumerTag;
    this.#address = connection.replies.add((message) => {
      // RabbitMQ delivers replies at most once. Dropping them bounds the memory of a client that does not read.
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
