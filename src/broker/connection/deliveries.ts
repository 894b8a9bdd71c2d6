// The receiving side of a channel: its consumers, its prefetch, and the acknowledgements of the client.

import type { Method, MethodFields } from '../codec/methods.ts';
import { countDelivery } from '../counters.ts';
import type { AckFate } from '../interference.ts';
import { ProtocolError } from '../protocol-error.ts';
import type { Consumer } from '../queue/consumers.ts';
import type { QueueEntry } from '../queue/entry.ts';
import type { Message } from '../queue/message.ts';
import type { Queue } from '../queue/queue.ts';
import { forEach, itemsPerStep, type Work } from '../slices.ts';
import { consumerTag } from '../vhost/names.ts';
import { assertAccess } from '../vhost/users.ts';
import type { ChannelScope } from './channel-scope.ts';
import { ChannelConsumer } from './consumer.ts';
import { ReplyConsumer } from './reply-consumer.ts';
import { replyQueue } from './reply-to.ts';
import { UnackedDeliveries, type UnackedDelivery } from './unacked-deliveries.ts';

/** The messages that return to one queue, and how many of them each consumer had received. */
interface ReturnGroup {
  readonly entries: QueueEntry[];
  readonly consumers: Map<Consumer | undefined, number>;
}

interface Nack {
  readonly deliveryTag: number;
  readonly multiple: boolean;
  readonly requeue: boolean;
  /** True for basic.reject, which counts as a failed delivery. basic.nack does not. */
  readonly isReject?: boolean;
}

export class Deliveries {
  readonly channel: ChannelScope;
  readonly consumers = new Map<string, ChannelConsumer>();
  readonly unacked = new UnackedDeliveries();
  readonly replyConsumer: ReplyConsumer;
  /** Prefetch of consumers that the client adds later (basic.qos). 0 means no limit. */
  consumerPrefetch = 0;
  /** Prefetch of the whole channel (basic.qos with `global`). 0 means no limit. */
  #channelPrefetch = 0;
  /** Number of unacknowledged messages that count for the prefetch of the channel. Messages of basic.get do not count. */
  #unackedByConsumers = 0;

  constructor(channel: ChannelScope) {
    this.channel = channel;
    this.replyConsumer = new ReplyConsumer(channel, () => this.unacked.nextTag());
  }

  /** True if the channel can send one more message to its consumers. */
  get hasRoom(): boolean {
    if (this.channel.isClosing) return false;
    if (this.#channelPrefetch > 0 && this.#unackedByConsumers >= this.#channelPrefetch) return false;
    return !this.channel.connection.output.isBacklogged;
  }

  get hasPrefetch(): boolean {
    return this.#channelPrefetch > 0;
  }

  /** Returns false for a method that does not belong to the receiving side. */
  dispatch(method: Method): boolean {
    switch (method.name) {
      case 'basic.qos':
        this.#qos(method.fields);
        break;
      case 'basic.consume':
        this.#consume(method.fields);
        break;
      case 'basic.cancel':
        this.#cancel(method.fields);
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
        this.#recover(method.fields, () => this.channel.send('basic.recover-ok', {}));
        break;
      case 'basic.recover-async':
        this.#recover(method.fields);
        break;
      default:
        return false;
    }
    return true;
  }

  /** Sends a message to a consumer of this channel. `entry` is `undefined` if the client does not acknowledge the message. */
  deliver(consumer: ChannelConsumer, message: Message, redelivered: boolean, entry: QueueEntry | undefined): void {
    if (entry !== undefined && this.#isKeptBack(consumer, entry)) return;
    const tag = this.unacked.nextTag();
    if (entry !== undefined) {
      this.unacked.add({ tag, entry, queue: consumer.queue, consumer });
      consumer.unacked++;
      this.#unackedByConsumers++;
      if (this.#channelPrefetch > 0) this.#moveToEnd(consumer);
    }
    const { connection, number, counters } = this.channel;
    countDelivery(counters, entry === undefined ? 'deliver_no_ack' : 'deliver', redelivered);
    try {
      connection.output.deliver(number, consumer.tag, tag, redelivered, message);
    } catch (error) {
      // The error must close this connection only, but the caller may be a timer or a publisher of another connection.
      connection.fail(error);
    }
  }

  ack(tag: number, multiple: boolean): void {
    if (multiple || this.channel.transaction !== undefined) {
      this.#settle({ tag, multiple, together: itemsPerStep }, (delivery) => this.#acknowledge(delivery));
    } else this.#acknowledge(this.unacked.take(tag));
  }

  /**
   * Continues the deliveries when the channel or its connection has room again. Each queue chooses one of its consumers. With
   * a prefetch for the whole channel, the queue that delivered last comes last, so that every queue gets a turn.
   */
  wake(): void {
    const queues = new Set<Queue>();
    for (const consumer of this.consumers.values()) {
      if (consumer.queue.rejoin(consumer)) queues.add(consumer.queue);
    }
    for (const queue of queues) queue.dispatch();
  }

  #moveToEnd(consumer: ChannelConsumer): void {
    if (this.consumers.delete(consumer.tag)) this.consumers.set(consumer.tag, consumer);
  }

  /** Returns the unacknowledged messages to their queues and then removes the consumers, because the channel closes. */
  *release(): Work {
    this.replyConsumer.stop();
    yield* this.#return(this.unacked.takeUpTo(0), true);
    for (const consumer of [...this.consumers.values()]) {
      this.#remove(consumer);
      yield;
    }
  }

  /** Removes a consumer whose queue was deleted, and notifies the client. */
  queueDeleted(consumer: ChannelConsumer): void {
    this.consumers.delete(consumer.tag);
    // basic.cancel is sent at the end of the tick, because RabbitMQ sends it after the answer to queue.delete.
    this.channel.connection.flushLater({ flush: () => this.#notifyCancelled(consumer) });
  }

  #notifyCancelled(consumer: ChannelConsumer): void {
    if (this.channel.isClosing || !this.channel.connection.hasCapability('consumer_cancel_notify')) return;
    this.channel.send('basic.cancel', { consumerTag: consumer.tag, noWait: true });
  }

  #qos({ prefetchSize, prefetchCount, global }: MethodFields<'basic.qos'>): void {
    if (prefetchSize !== 0) throw new ProtocolError('NOT_IMPLEMENTED', `prefetch_size!=0 (${prefetchSize})`);
    // RabbitMQ 4.0: `global` means the whole channel and not the connection. RabbitMQ 4.3 ignores the flag.
    if (global) this.#channelPrefetch = prefetchCount;
    else this.consumerPrefetch = prefetchCount;
    this.channel.send('basic.qos-ok', {});
    if (global) this.wake();
  }

  #consume(fields: MethodFields<'basic.consume'>): void {
    const { channel } = this;
    if (this.consumers.has(fields.consumerTag) || this.replyConsumer.hasTag(fields.consumerTag)) {
      throw new ProtocolError('NOT_ALLOWED', `attempt to reuse consumer tag '${fields.consumerTag}'`);
    }
    const tag = fields.consumerTag === '' ? consumerTag() : fields.consumerTag;
    if (fields.queue === replyQueue) {
      this.replyConsumer.start(tag, fields.noAck);
      if (!fields.noWait) channel.send('basic.consume-ok', { consumerTag: tag });
      return;
    }
    const queue = this.#readableQueue(fields.queue);
    const consumer = new ChannelConsumer(this, { ...fields, consumerTag: tag, queue, prefetch: this.consumerPrefetch });
    queue.addConsumer(consumer);
    this.consumers.set(tag, consumer);
    if (!fields.noWait) channel.send('basic.consume-ok', { consumerTag: tag });
    // Deliveries begin after consume-ok, because clients do not expect them earlier.
    queue.dispatch();
  }

  /** Throws 403 if the user may not read the queue, 404 if it does not exist, and 405 if it is locked. */
  #readableQueue(queueName: string): Queue {
    const { channel } = this;
    const name = channel.queueNamed(queueName);
    assertAccess(channel.connection.user, 'read', { vhost: channel.vhost.name, kind: 'queue', name });
    return channel.vhost.queue(name, channel.connection);
  }

  /** Cancels a consumer. RabbitMQ does not treat an unknown consumer tag as an error. */
  #cancel({ consumerTag: tag, noWait }: MethodFields<'basic.cancel'>): void {
    if (this.replyConsumer.hasTag(tag)) this.replyConsumer.stop();
    const consumer = this.consumers.get(tag);
    if (consumer !== undefined) this.#remove(consumer);
    if (!noWait) this.channel.send('basic.cancel-ok', { consumerTag: tag });
  }

  #remove(consumer: ChannelConsumer): void {
    this.consumers.delete(consumer.tag);
    consumer.queue.removeConsumer(consumer);
  }

  #get({ queue: queueName, noAck }: MethodFields<'basic.get'>): void {
    const { channel } = this;
    const queue = this.#readableQueue(queueName);
    const got = queue.get(noAck);
    if (got === undefined) {
      channel.counters.get_empty++;
      channel.send('basic.get-empty', { reserved1: '' });
      return;
    }
    const tag = this.unacked.nextTag();
    const message = queue.withDeliveryCount(got.entry);
    countDelivery(channel.counters, noAck ? 'get_no_ack' : 'get', got.redelivered);
    if (!noAck) this.unacked.add({ tag, entry: got.entry, queue, consumer: undefined });
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

  #nack({ deliveryTag: tag, multiple, requeue, isReject = false }: Nack): void {
    const { transaction, connection } = this.channel;
    if (!requeue) this.#settle({ tag, multiple }, (delivery) => this.#discard(delivery));
    else if (transaction !== undefined) {
      this.#settle({ tag, multiple }, (delivery) => this.#requeue(delivery, isReject));
    } else if (multiple) {
      this.unacked.assertHas(tag);
      connection.inOrder(this.#return(this.unacked.takeUpTo(tag), isReject));
    } else this.#requeue(this.unacked.take(tag), isReject);
  }

  #recover({ requeue }: { requeue: boolean }, done?: () => void): void {
    if (!requeue) throw new ProtocolError('NOT_IMPLEMENTED', 'requeue=false');
    this.channel.connection.inOrder(this.#return(this.unacked.takeUpTo(0), false), done);
  }

  /** Calls `settle` for one delivery, or for all up to a tag. In a transaction, tx.commit calls it. */
  #settle(
    { tag, multiple, together = 1 }: { tag: number; multiple: boolean; together?: number },
    settle: (delivery: UnackedDelivery) => void,
  ): void {
    const { transaction, connection } = this.channel;
    if (multiple) this.unacked.assertHas(tag);
    const taken = multiple ? this.unacked.takeUpTo(tag) : [this.unacked.take(tag)];
    if (transaction === undefined) connection.inOrder(forEach(taken, settle, together));
    else connection.inOrder(transaction.acknowledged(taken, settle));
  }

  #acknowledge(delivery: UnackedDelivery): void {
    const fate = this.#fateOf(delivery);
    // This comes first, so that the queue does not deliver its next message to a connection that ends.
    if (fate?.closesFor !== undefined) this.channel.connection.close(fate.closesFor);
    if (fate?.isLost === true) {
      this.#requeue(delivery, fate.closesFor !== undefined);
      return;
    }
    const { queue, entry, consumer } = delivery;
    this.#countSettled(consumer, 1);
    this.channel.counters.ack++;
    queue.ack(entry);
    this.#wakeAfter(queue, consumer);
  }

  /** Returns true if a simulated fault keeps the message from the consumer. It then returns to its queue later. */
  #isKeptBack({ queue }: ChannelConsumer, entry: QueueEntry): boolean {
    const { connection } = this.channel;
    if (connection.interference === undefined || isStream(queue)) return false;
    return connection.interference.keepBack({ client: connection, queue: queue.name, entry }, () => {
      queue.requeue([entry], false);
      // Workers take a redelivered message of a classic queue for one that may have crashed another worker.
      if (queue.settings.type === 'classic') entry.redelivered = false;
      queue.dispatch();
    });
  }

  #fateOf({ queue, entry }: UnackedDelivery): AckFate | undefined {
    const { connection } = this.channel;
    if (connection.interference === undefined || isStream(queue)) return undefined;
    return connection.interference.acknowledge({ client: connection, queue: queue.name, entry });
  }

  #discard({ queue, entry, consumer }: UnackedDelivery): void {
    this.#countSettled(consumer, 1);
    queue.reject(entry);
    this.#wakeAfter(queue, consumer);
  }

  #requeue({ queue, entry, consumer }: UnackedDelivery, isFailure: boolean): void {
    this.#countSettled(consumer, 1);
    queue.requeue([entry], isFailure);
    queue.dispatch();
    this.#wakeAfter(queue, consumer);
  }

  /** Returns messages to their queues, queue by queue. A message counts as unacknowledged until its queue has it again. */
  *#return(taken: Iterable<UnackedDelivery>, isFailure: boolean): Work {
    for (const [queue, { entries, consumers }] of yield* groupByQueue(taken)) {
      const returned = yield* queue.returned(entries, isFailure);
      for (const [consumer, count] of consumers) this.#countSettled(consumer, count);
      queue.putBack(returned);
      queue.dispatch();
      for (const consumer of consumers.keys()) this.#wakeAfter(queue, consumer);
      yield;
    }
  }

  #countSettled(consumer: Consumer | undefined, count: number): void {
    if (consumer === undefined) return;
    consumer.unacked -= count;
    this.#unackedByConsumers -= count;
  }

  #wakeAfter(queue: Queue, consumer: Consumer | undefined): void {
    if (consumer === undefined || this.channel.isClosing) return;
    if (this.#channelPrefetch > 0) this.wake();
    else if (!consumer.isInLine) queue.wake(consumer);
  }
}

/** Messages of a stream do not return to it. A consumer reads them again only from an offset. */
function isStream({ settings }: Queue): boolean {
  return settings.type === 'stream';
}

function* groupByQueue(taken: Iterable<UnackedDelivery>): Work<Map<Queue, ReturnGroup>> {
  const groups = new Map<Queue, ReturnGroup>();
  let count = 0;
  for (const { queue, entry, consumer } of taken) {
    const group: ReturnGroup = groups.get(queue) ?? { entries: [], consumers: new Map() };
    if (group.entries.length === 0) groups.set(queue, group);
    group.entries.push(entry);
    group.consumers.set(consumer, (group.consumers.get(consumer) ?? 0) + 1);
    if (++count % itemsPerStep === 0) yield;
  }
  return groups;
}
