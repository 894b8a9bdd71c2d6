// The receiving side of a channel: its consumers, its prefetch, and what it holds unacknowledged.

import type { Method, MethodFields } from '../codec/methods.ts';
import { countDelivery } from '../counters.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { Consumer } from '../queue/consumers.ts';
import type { Entry } from '../queue/entry.ts';
import type { Message } from '../queue/message.ts';
import type { Queue } from '../queue/queue.ts';
import { forEach, itemsPerStep, sorted, type Work } from '../slices.ts';
import { consumerTag } from '../vhost/names.ts';
import { assertAccess } from '../vhost/users.ts';
import type { ChannelScope } from './channel-scope.ts';
import { ChannelConsumer } from './consumer.ts';
import { replyQueue } from './reply-to.ts';
import type { UnackedDelivery } from './unacked-delivery.ts';

/** With so many bytes unread a client gets no further direct replies. */
const unreadReplyBytes = 32 * 1024 * 1024;

/** What goes back to one queue, and how many messages of each consumer that is. */
interface Returning {
  readonly entries: Entry[];
  readonly consumers: Map<Consumer | undefined, number>;
}

export class Deliveries {
  readonly channel: ChannelScope;
  readonly consumers = new Map<string, ChannelConsumer>();
  /** By delivery tag, in the order of delivery. */
  held: Map<number, UnackedDelivery> = new Map();
  /** Of consumers, not of basic.get: what the prefetch of the channel counts. */
  heldByConsumers = 0;
  /** basic.qos with global: 0 is no limit. */
  channelPrefetch = 0;
  /** basic.qos without: for consumers that come. */
  consumerPrefetch = 0;
  /** The address of this channel's direct reply-to consumer. */
  replyAddress: string | undefined;
  #replyTag = '';
  #lastTag = 0;

  constructor(channel: ChannelScope) {
    this.channel = channel;
  }

  /** Whether the channel as a whole has room for one more. */
  get hasRoom(): boolean {
    if (this.channel.isClosing) return false;
    if (this.channelPrefetch > 0 && this.heldByConsumers >= this.channelPrefetch) return false;
    return !this.channel.connection.output.isBacklogged;
  }

  /** False: none of its methods. */
  dispatch(method: Method): boolean {
    switch (method.name) {
      case 'basic.qos':
        this.#qos(method.fields);
        break;
      case 'basic.consume':
        this.#consume(method.fields);
        break;
      case 'basic.cancel':
        this.#cancel(method.fields.consumerTag);
        if (!method.fields.noWait) this.channel.send('basic.cancel-ok', { consumerTag: method.fields.consumerTag });
        break;
      case 'basic.get':
        this.#get(method.fields);
        break;
      case 'basic.ack':
        this.ack(method.fields.deliveryTag, method.fields.multiple);
        break;
      case 'basic.nack':
        this.#nack(method.fields);
        break;
      case 'basic.reject':
        this.#nack({ ...method.fields, multiple: false, isReject: true });
        break;
      case 'basic.recover':
      case 'basic.recover-async':
        if (!method.fields.requeue) throw new ProtocolError('NOT_IMPLEMENTED', 'requeue=false');
        this.channel.connection.inOrder(this.#returned(this.#takeUpTo(0), false), () => {
          if (method.name === 'basic.recover') this.channel.send('basic.recover-ok', {});
        });
        break;
      default:
        return false;
    }
    return true;
  }

  /** Sends a message to a consumer of this channel, and holds it if it is to be acknowledged. */
  deliver(
    consumer: ChannelConsumer,
    { message, redelivered, entry }: { message: Message; redelivered: boolean; entry: Entry | undefined },
  ): void {
    const tag = ++this.#lastTag;
    if (entry !== undefined) {
      this.held.set(tag, { tag, entry, queue: consumer.queue, consumer });
      consumer.unacked++;
      this.heldByConsumers++;
      if (this.channelPrefetch > 0) this.#moveToEnd(consumer);
    }
    const { connection, number, counters } = this.channel;
    countDelivery(counters, entry === undefined ? 'deliver_no_ack' : 'deliver', redelivered);
    try {
      connection.output.deliver(number, consumer.tag, tag, redelivered, message);
    } catch (error) {
      // A publisher or a timer may be what delivers: the fault is this connection's alone.
      connection.fail(error);
    }
  }

  ack(tag: number, multiple: boolean): void {
    if (multiple || this.channel.transaction !== undefined) {
      this.#settle({ tag, multiple, together: itemsPerStep }, (held) => this.#acknowledge(held));
    } else this.#acknowledge(this.#take(tag));
  }

  /**
   * The connection has room again, or the channel. Each queue then chooses among its consumers; the queue that was served
   * last is asked last, so that a prefetch for the whole channel starves none.
   */
  wake(): void {
    const queues = new Set<Queue>();
    for (const consumer of this.consumers.values()) {
      if (consumer.queue.consumers.wake(consumer)) queues.add(consumer.queue);
    }
    for (const queue of queues) queue.dispatch();
  }

  #moveToEnd(consumer: ChannelConsumer): void {
    if (this.consumers.delete(consumer.tag)) this.consumers.set(consumer.tag, consumer);
  }

  /** What a rolled back transaction had taken is unacknowledged again. */
  *restored(taken: UnackedDelivery[]): Work {
    for (const held of this.#takeUpTo(0)) {
      taken.push(held);
      if (taken.length % itemsPerStep === 0) yield;
    }
    const all = new Map<number, UnackedDelivery>();
    for (const held of yield* sorted(taken, (a, b) => a.tag - b.tag)) {
      all.set(held.tag, held);
      if (all.size % itemsPerStep === 0) yield;
    }
    // Meanwhile more may have been delivered.
    while (this.held.size > 0) {
      for (const held of this.#takeUpTo(0)) {
        all.set(held.tag, held);
        if (all.size % itemsPerStep === 0) yield;
      }
    }
    this.held = all;
  }

  /** The channel ends: what is unacknowledged goes back to its queues, and then the consumers go. */
  *released(): Work {
    if (this.replyAddress !== undefined) this.channel.connection.replies.remove(this.replyAddress);
    this.replyAddress = undefined;
    yield* this.#returned(this.#takeUpTo(0), true);
    for (const consumer of [...this.consumers.values()]) {
      this.#leave(consumer);
      yield;
    }
  }

  /** The queue of a consumer was deleted. */
  lose(consumer: ChannelConsumer): void {
    this.consumers.delete(consumer.tag);
    // At the end of the turn: whoever deletes the queue has the answer to that first, as from RabbitMQ.
    this.channel.connection.flushLater({ flush: () => this.#tellLost(consumer) });
  }

  #tellLost(consumer: ChannelConsumer): void {
    if (this.channel.isClosing || !this.channel.connection.can('consumer_cancel_notify')) return;
    this.channel.send('basic.cancel', { consumerTag: consumer.tag, noWait: true });
  }

  #qos({ prefetchSize, prefetchCount, global }: MethodFields<'basic.qos'>): void {
    if (prefetchSize !== 0) throw new ProtocolError('NOT_IMPLEMENTED', `prefetch_size!=0 (${prefetchSize})`);
    // RabbitMQ: "global" is the channel, not the connection. 4.3 refuses it; older clients still ask, and it is done here.
    if (global) this.channelPrefetch = prefetchCount;
    else this.consumerPrefetch = prefetchCount;
    this.channel.send('basic.qos-ok', {});
    if (global) this.wake();
  }

  #consume(fields: MethodFields<'basic.consume'>): void {
    const { channel } = this;
    if (
      fields.consumerTag !== '' &&
      (this.consumers.has(fields.consumerTag) || fields.consumerTag === this.#replyTag)
    ) {
      throw new ProtocolError('NOT_ALLOWED', `attempt to reuse consumer tag '${fields.consumerTag}'`);
    }
    const tag = fields.consumerTag === '' ? consumerTag() : fields.consumerTag;
    if (fields.queue === replyQueue) {
      this.#consumeReplies(tag, fields.noAck);
      if (!fields.noWait) channel.send('basic.consume-ok', { consumerTag: tag });
      return;
    }
    const name = channel.queueNamed(fields.queue);
    assertAccess(channel.connection.user, 'read', { vhost: channel.vhost.name, kind: 'queue', name });
    const queue = channel.vhost.queue(name, channel.connection);
    const consumer = new ChannelConsumer(this, { ...fields, consumerTag: tag, queue, prefetch: this.consumerPrefetch });
    queue.addConsumer(consumer);
    this.consumers.set(tag, consumer);
    if (!fields.noWait) channel.send('basic.consume-ok', { consumerTag: tag });
    // Only now: a delivery must not come before consume-ok.
    queue.dispatch();
  }

  #consumeReplies(tag: string, noAck: boolean): void {
    if (!noAck) throw new ProtocolError('PRECONDITION_FAILED', 'reply consumer cannot acknowledge');
    if (this.replyAddress !== undefined) throw new ProtocolError('PRECONDITION_FAILED', 'reply consumer already set');
    const { connection, number } = this.channel;
    this.#replyTag = tag;
    this.replyAddress = connection.replies.add((message) => {
      // RabbitMQ: replies come at most once. Whoever does not read them gets no more of them, and costs no more memory.
      if (connection.output.waitingBytes > unreadReplyBytes) return;
      connection.output.deliver(number, tag, ++this.#lastTag, false, message);
    });
  }

  /** RabbitMQ: to cancel a consumer that is not there is no error. */
  #cancel(tag: string): void {
    if (this.replyAddress !== undefined && tag === this.#replyTag) {
      this.channel.connection.replies.remove(this.replyAddress);
      this.replyAddress = undefined;
      this.#replyTag = '';
      return;
    }
    const consumer = this.consumers.get(tag);
    if (consumer !== undefined) this.#leave(consumer);
  }

  #leave(consumer: ChannelConsumer): void {
    this.consumers.delete(consumer.tag);
    consumer.queue.removeConsumer(consumer);
  }

  #get({ queue: given, noAck }: MethodFields<'basic.get'>): void {
    const { channel } = this;
    const name = channel.queueNamed(given);
    assertAccess(channel.connection.user, 'read', { vhost: channel.vhost.name, kind: 'queue', name });
    const queue = channel.vhost.queue(name, channel.connection);
    const got = queue.get(noAck);
    if (got === undefined) {
      channel.counters.get_empty++;
      channel.send('basic.get-empty', { reserved1: '' });
      return;
    }
    const tag = ++this.#lastTag;
    const message = queue.withDeliveryCount(got.entry);
    countDelivery(channel.counters, noAck ? 'get_no_ack' : 'get', got.redelivered);
    if (!noAck) this.held.set(tag, { tag, entry: got.entry, queue, consumer: undefined });
    channel.connection.output.content(
      channel.number,
      'basic.get-ok',
      {
        deliveryTag: tag,
        redelivered: got.redelivered,
        exchange: message.exchange,
        routingKey: message.routingKey,
        messageCount: got.left,
      },
      message,
    );
  }

  #nack({
    deliveryTag: tag,
    multiple,
    requeue,
    isReject = false,
  }: {
    deliveryTag: number;
    multiple: boolean;
    requeue: boolean;
    isReject?: boolean;
  }): void {
    const { transaction, connection } = this.channel;
    if (!requeue) this.#settle({ tag, multiple }, (held) => this.#discard(held));
    else if (transaction !== undefined) this.#settle({ tag, multiple }, (held) => this.#requeue(held, isReject));
    else if (multiple) {
      this.#assertHeld(tag);
      connection.inOrder(this.#returned(this.#takeUpTo(tag), isReject));
    } else this.#requeue(this.#take(tag), isReject);
  }

  #take(tag: number): UnackedDelivery {
    const held = this.held.get(tag);
    if (held === undefined) throw unknownTag(tag);
    this.held.delete(tag);
    return held;
  }

  /** RabbitMQ: the tag of `multiple` has to be outstanding itself. 0 is all (AMQP 0-9-1, 1.8.3.13). */
  #assertHeld(tag: number): void {
    if (tag !== 0 && !this.held.has(tag)) throw unknownTag(tag);
  }

  /** Takes everything up to a tag, one by one. */
  *#takeUpTo(tag: number): Generator<UnackedDelivery> {
    if (tag === 0 || tag === this.#lastTag) {
      const all = this.held;
      this.held = new Map();
      yield* all.values();
      return;
    }
    for (const held of this.held.values()) {
      if (held.tag > tag) return;
      this.held.delete(held.tag);
      yield held;
    }
  }

  #settle(
    { tag, multiple, together = 1 }: { tag: number; multiple: boolean; together?: number },
    settle: (held: UnackedDelivery) => void,
  ): void {
    const { transaction, connection } = this.channel;
    if (multiple) this.#assertHeld(tag);
    const taken = multiple ? this.#takeUpTo(tag) : [this.#take(tag)];
    if (transaction === undefined) connection.inOrder(forEach(taken, settle, together));
    else connection.inOrder(transaction.acknowledged(taken, settle));
  }

  #acknowledge(held: UnackedDelivery): void {
    this.#letGo(held.consumer, 1);
    this.channel.counters.ack++;
    held.queue.ack(held.entry);
    this.#wakeAfter(held.queue, held.consumer);
  }

  #discard(held: UnackedDelivery): void {
    this.#letGo(held.consumer, 1);
    held.queue.reject(held.entry);
    this.#wakeAfter(held.queue, held.consumer);
  }

  #requeue(held: UnackedDelivery, isFailure: boolean): void {
    this.#letGo(held.consumer, 1);
    held.queue.requeue([held.entry], isFailure);
    held.queue.dispatch();
    this.#wakeAfter(held.queue, held.consumer);
  }

  /** Puts messages back in their queues, all of one queue at once. Until then they are unacknowledged. */
  *#returned(taken: Iterable<UnackedDelivery>, isFailure: boolean): Work {
    const byQueue = new Map<Queue, Returning>();
    let count = 0;
    for (const { queue, entry, consumer } of taken) {
      const all: Returning = byQueue.get(queue) ?? { entries: [], consumers: new Map() };
      if (all.entries.length === 0) byQueue.set(queue, all);
      all.entries.push(entry);
      all.consumers.set(consumer, (all.consumers.get(consumer) ?? 0) + 1);
      if (++count % itemsPerStep === 0) yield;
    }
    for (const [queue, { entries, consumers }] of byQueue) {
      const returned = yield* queue.returned(entries, isFailure);
      for (const [consumer, count] of consumers) this.#letGo(consumer, count);
      queue.putBack(returned);
      queue.dispatch();
      for (const consumer of consumers.keys()) this.#wakeAfter(queue, consumer);
      yield;
    }
  }

  #letGo(consumer: Consumer | undefined, count: number): void {
    if (consumer === undefined) return;
    consumer.unacked -= count;
    this.heldByConsumers -= count;
  }

  #wakeAfter(queue: Queue, consumer: Consumer | undefined): void {
    if (consumer === undefined || this.channel.isClosing) return;
    if (this.channelPrefetch > 0) this.wake();
    else if (!consumer.isInLine) queue.wake(consumer);
  }
}

function unknownTag(tag: number): ProtocolError {
  return new ProtocolError('PRECONDITION_FAILED', `unknown delivery tag ${tag}`);
}
