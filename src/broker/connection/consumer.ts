// A consumer of a channel. Its queue delivers messages to it.

import type { Arguments } from '../codec/arguments.ts';
import { ProtocolError } from '../protocol-error.ts';
import { assertConsumerArguments } from '../queue/arguments.ts';
import type { Consumer } from '../queue/consumers.ts';
import type { QueueEntry } from '../queue/entry.ts';
import type { Message } from '../queue/message.ts';
import type { Queue } from '../queue/queue.ts';
import type { ChannelScope } from './channel-scope.ts';

/** The part of a channel that delivers messages to the consumers of the channel. */
interface ConsumerOwner {
  readonly channel: ChannelScope;
  /** True if the channel can send one more message to its consumers. */
  readonly hasRoom: boolean;
  /** True if the channel has a prefetch of its own (basic.qos with `global`). */
  readonly hasPrefetch: boolean;
  deliver(consumer: ChannelConsumer, message: Message, redelivered: boolean, entry: QueueEntry | undefined): void;
  queueDeleted(consumer: ChannelConsumer): void;
}

interface ConsumerParts {
  readonly consumerTag: string;
  readonly queue: Queue;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly prefetch: number;
  readonly arguments: Arguments;
}

export class ChannelConsumer implements Consumer {
  readonly tag: string;
  readonly queue: Queue;
  readonly noAck: boolean;
  readonly exclusive: boolean;
  readonly priority: number;
  readonly arguments: Arguments;
  /** 0 means no limit. */
  readonly prefetch: number;
  readonly hasPrefetch: boolean;
  unacked = 0;
  isInLine = false;
  readonly owner: ConsumerOwner;

  constructor(owner: ConsumerOwner, parts: ConsumerParts) {
    this.owner = owner;
    this.tag = parts.consumerTag;
    this.queue = parts.queue;
    this.noAck = parts.noAck;
    this.exclusive = parts.exclusive;
    // RabbitMQ ignores the prefetch of a consumer that does not acknowledge, because it has no unacknowledged messages.
    this.prefetch = parts.noAck ? 0 : parts.prefetch;
    this.hasPrefetch = parts.prefetch > 0 || owner.hasPrefetch;
    this.arguments = parts.arguments;
    assertConsumerArguments(parts.arguments, parts.queue);
    this.priority = priorityOf(parts);
  }

  isReady(): boolean {
    return (this.prefetch === 0 || this.unacked < this.prefetch) && this.owner.hasRoom;
  }

  deliver(message: Message, redelivered: boolean, entry: QueueEntry | undefined): void {
    this.owner.deliver(this, message, redelivered, entry);
  }

  failed(error: unknown): void {
    this.owner.channel.connection.fail(error);
  }

  cancelled(): void {
    this.owner.queueDeleted(this);
  }
}

/**
 * Returns the argument x-priority (https://www.rabbitmq.com/docs/consumer-priority). Throws 406 if it is not an integer.
 */
function priorityOf({ arguments: all, queue }: ConsumerParts): number {
  const priority = all.get('x-priority');
  if (priority === undefined) return 0;
  // Two different priorities above 2^53 may become the same number. Their consumers then take turns.
  if ('bBsuIilL'.includes(all.types['x-priority'] ?? '')) return Number(priority);
  const why = `"expected integer, got ${all.typeName('x-priority')}"`;
  throw new ProtocolError('PRECONDITION_FAILED', `invalid arg 'x-priority' for ${queue.what}: ${why}`);
}
