// The publishing side of a channel: checks, routes, returns and confirms the messages of basic.publish.

import { ProtocolError, replyCodes } from '../protocol-error.ts';
import type { Message } from '../queue/message.ts';
import type { Queue } from '../queue/queue.ts';
import type { Exchange } from '../routing/exchange.ts';
import type { Destination } from '../vhost/destinations.ts';
import { type Routed, refused } from '../vhost/routed.ts';
import { assertTopicAccess } from '../vhost/topic-access.ts';
import { assertAccess, type User } from '../vhost/users.ts';
import type { ChannelScope } from './channel-scope.ts';
import { Confirms } from './confirms.ts';
import { Content } from './content.ts';
import { publishedMessage } from './published.ts';
import { replyPrefix } from './reply-to.ts';

export class Publisher {
  readonly #channel: ChannelScope;
  readonly #content = new Content();
  #confirms: Confirms | undefined;
  #destination: Destination | undefined;
  #isFlushDue = false;

  constructor(channel: ChannelScope) {
    this.#channel = channel;
  }

  get isConfirming(): boolean {
    return this.#confirms !== undefined;
  }

  get awaitsContent(): boolean {
    return this.#content.isAwaited;
  }

  get unconfirmed(): number {
    return this.#confirms?.outstanding ?? 0;
  }

  /** Enables publisher confirms (confirm.select). Throws 406 in a transaction. */
  confirm(): void {
    const { transaction, vhost, connection, number } = this.#channel;
    if (transaction !== undefined) {
      throw new ProtocolError('PRECONDITION_FAILED', 'cannot switch from tx to confirm mode');
    }
    this.#confirms ??= new Confirms(
      {
        ack: (tag, multiple) => connection.output.ack(number, tag, multiple),
        nack: (tag) =>
          connection.output.method(number, 'basic.nack', { deliveryTag: tag, multiple: false, requeue: false }),
        confirmed: (count) => {
          this.#channel.counters.confirm += count;
          vhost.counters.confirm += count;
        },
        failed: (error) => connection.fail(error),
      },
      vhost.store,
    );
  }

  expectNoContent(): void {
    this.#content.expectNothing();
  }

  /** Receives the fields of a basic.publish. */
  begin(buffer: Buffer, start: number, end: number): void {
    const last = this.#destination;
    if (last === undefined || !isSameBytes(last.bytes, buffer, start, end)) {
      const { vhost } = this.#channel;
      this.#destination = vhost.destinations.find(buffer, start, end, vhost.version);
    }
    this.#content.begin();
  }

  /** Receives a header or body frame, and publishes the message when it is complete. */
  receiveContent(type: number, buffer: Buffer, start: number, end: number): void {
    const isComplete = this.#content.receive(type, buffer, start, end);
    if (!isComplete || this.#destination === undefined) return;
    this.#publish(this.#destination);
    this.#content.release();
  }

  /** Sends the confirms of this tick. */
  flush(): void {
    this.#isFlushDue = false;
    this.#confirms?.flush(() => this.#flushLater());
  }

  release(): void {
    this.#destination = undefined;
    this.#content.release();
  }

  /** Delivers a message to those of its queues that still exist. Returns a mandatory message that has none of them left. */
  deliver(message: Message, routedTo: readonly Queue[], mandatory: boolean): Routed {
    const queues = routedTo.filter(({ isDeleted }) => !isDeleted);
    return this.#deliver(message, queues, mandatory);
  }

  #publish(destination: Destination): void {
    const { connection, vhost, transaction, counters } = this.#channel;
    if (destination.immediate) throw new ProtocolError('NOT_IMPLEMENTED', 'immediate=true');
    const { exchangeName, routingKey, mandatory } = destination;
    assertAccess(connection.user, 'write', { vhost: vhost.name, kind: 'exchange', name: exchangeName });
    const exchange = this.#exchangeOf(destination);
    const message = publishedMessage(this.#content, { exchange: exchangeName, routingKey, channel: this.#channel });
    if (exchange.type === 'topic') assertKeysAllowed(connection.user, exchange, message);
    exchange.counters.publish_in++;
    counters.publish++;
    vhost.counters.publish++;
    connection.recordPublish();
    const queues = this.#queuesOf(destination, exchange, message);
    exchange.counters.publish_out += queues.length;
    if (transaction !== undefined) {
      transaction.publish(message, queues, mandatory);
      return;
    }
    const tag = this.#confirms === undefined ? 0 : ++this.#confirms.published;
    const fate = connection.interference?.publish({ client: connection, exchange: exchangeName, routingKey, message });
    const routed = fate?.isRefused === true ? refused : this.#deliver(message, queues, mandatory);
    if (fate?.closesFor !== undefined) {
      connection.close(fate.closesFor);
      return;
    }
    if (this.#confirms === undefined) return;
    if (fate?.confirmAfterMs !== undefined) this.#confirmLater(this.#confirms, tag, fate.confirmAfterMs);
    if (routed.isRefused) this.#confirms.refused(tag);
    else if (routed.isStored) this.#confirms.awaitStore(tag);
    else this.#confirms.done(tag);
    this.#flushLater();
  }

  #confirmLater(confirms: Confirms, tag: number, delayMs: number): void {
    confirms.hold(tag);
    this.#channel.vhost.clock.after(delayMs, () => {
      confirms.release(tag);
      this.#flushLater();
    });
  }

  /** Returns the exchange. Looks it up again if the virtual host has changed. Throws 404, or 403 for an internal exchange. */
  #exchangeOf(destination: Destination): Exchange {
    const { vhost } = this.#channel;
    if (destination.version === vhost.version && destination.exchange !== undefined) return destination.exchange;
    const exchange = vhost.exchange(destination.exchangeName);
    if (exchange.isInternal) {
      throw new ProtocolError('ACCESS_REFUSED', `cannot publish to internal ${exchange.what}`);
    }
    destination.exchange = exchange;
    destination.queues = undefined;
    destination.version = vhost.version;
    return exchange;
  }

  #queuesOf(destination: Destination, exchange: Exchange, message: Message): readonly Queue[] {
    if (destination.queues !== undefined && message.moreKeys === undefined) return destination.queues;
    const { vhost } = this.#channel;
    const queues = vhost.route(exchange, message);
    if (message.moreKeys === undefined && vhost.hasFixedRoute(exchange, message)) destination.queues = queues;
    return queues;
  }

  #deliver(message: Message, queues: readonly Queue[], mandatory: boolean): Routed {
    const { connection, vhost, counters } = this.#channel;
    if (message.exchange === '' && message.routingKey.startsWith(replyPrefix)) {
      if (connection.replies.deliver(message)) return { hasQueue: true, isRefused: false, isStored: false };
    }
    const open = this.#withoutFull(queues);
    const routed =
      open.length < queues.length ? refusedBySome(vhost.deliver(message, open)) : vhost.deliver(message, queues);
    if (!routed.hasQueue) {
      const outcome = mandatory ? 'return_unroutable' : 'drop_unroutable';
      counters[outcome]++;
      vhost.counters[outcome]++;
      if (mandatory && !this.#channel.isClosing) this.#return(message);
    }
    return routed;
  }

  /** Returns the queues without those that a simulated fault has filled. */
  #withoutFull(queues: readonly Queue[]): readonly Queue[] {
    const { connection } = this.#channel;
    const { interference } = connection;
    return interference === undefined ? queues : queues.filter(({ name }) => !interference.isFull(name, connection));
  }

  #return(message: Message): void {
    const { connection, number } = this.#channel;
    connection.output.content(
      number,
      'basic.return',
      {
        replyCode: replyCodes.NO_ROUTE,
        replyText: 'NO_ROUTE',
        exchange: message.exchange,
        routingKey: message.routingKey,
      },
      message,
    );
  }

  /** Calls `flush` at the end of the tick. */
  #flushLater(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#channel.connection.flushLater(this.#channel);
  }
}

/** Throws 403 if the user may not publish with one of the routing keys. RabbitMQ checks the keys of CC and BCC, too. */
export function assertKeysAllowed(user: User, exchange: Exchange, { routingKey, moreKeys = [] }: Message): void {
  for (const key of [routingKey, ...moreKeys]) assertTopicAccess(user, 'write', { exchange, routingKey: key });
}

/** RabbitMQ: the publisher gets a nack if one of the queues is full, even if others have accepted the message. */
function refusedBySome(routed: Routed): Routed {
  return { ...routed, hasQueue: true, isRefused: true };
}

function isSameBytes(known: Buffer, buffer: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  // The loop begins at the end, because usually only the last characters of the routing key differ.
  for (let index = known.length - 1; index >= 0; index--) if (known[index] !== buffer[start + index]) return false;
  return true;
}
