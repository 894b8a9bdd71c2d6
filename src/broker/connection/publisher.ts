// The publishing side of a channel: basic.publish with its content, checked, routed, returned, confirmed.

import { Reader } from '../codec/values.ts';
import { ProtocolError, replyCodes } from '../protocol-error.ts';
import type { Message } from '../queue/message.ts';
import type { Queue } from '../queue/queue.ts';
import type { Exchange } from '../routing/exchange.ts';
import type { Routed } from '../vhost/routed.ts';
import { assertTopicAccess } from '../vhost/topic-access.ts';
import { assertAccess, type User } from '../vhost/users.ts';
import type { ChannelScope } from './channel-scope.ts';
import { Confirms } from './confirms.ts';
import { Content } from './content.ts';
import { publishedMessage } from './published.ts';
import { replyPrefix } from './reply-to.ts';

const mandatoryBit = 1;
const immediateBit = 2;

/** The fields of a basic.publish, kept for the next one that has the same. */
interface Address {
  readonly bytes: Buffer;
  readonly exchangeName: string;
  readonly routingKey: string;
  readonly mandatory: boolean;
  readonly immediate: boolean;
  /** Of the virtual host, when the way was looked up. */
  version: number;
  exchange: Exchange | undefined;
  /** undefined: the route depends on more than the routing key. */
  queues: readonly Queue[] | undefined;
}

export class Publisher {
  readonly #channel: ChannelScope;
  readonly #content = new Content();
  #confirms: Confirms | undefined;
  #address: Address | undefined;
  #isListed = false;

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

  /** confirm.select */
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

  /** basic.publish: its fields. */
  begin(buffer: Buffer, start: number, end: number): void {
    const last = this.#address;
    if (last === undefined || !isSameBytes(last.bytes, buffer, start, end)) {
      this.#address = addressOf(buffer, start, end);
    }
    this.#content.begin();
  }

  takeContent(type: number, buffer: Buffer, start: number, end: number): void {
    if (this.#content.take(type, buffer, start, end)) this.#publish(this.#address as Address);
  }

  /** Sends the confirms of this turn. */
  flush(): void {
    this.#isListed = false;
    this.#confirms?.flush(() => this.#list());
  }

  release(): void {
    this.#address = undefined;
  }

  /** Routes a message that was held back by a transaction. */
  route(message: Message, mandatory: boolean): Routed {
    const { vhost } = this.#channel;
    const exchange = vhost.exchanges.get(message.exchange);
    const queues = exchange === undefined ? [] : vhost.route(exchange, message);
    if (exchange !== undefined) exchange.counters.publish_out += queues.length;
    return this.#deliver(message, queues, mandatory);
  }

  #publish(address: Address): void {
    const { connection, vhost, transaction } = this.#channel;
    if (address.immediate) throw new ProtocolError('NOT_IMPLEMENTED', 'immediate=true');
    const { exchangeName, routingKey, mandatory } = address;
    assertAccess(connection.user, 'write', { vhost: vhost.name, kind: 'exchange', name: exchangeName });
    if (address.version !== vhost.version || address.exchange === undefined) {
      const exchange = vhost.exchange(exchangeName);
      if (exchange.isInternal) {
        throw new ProtocolError('ACCESS_REFUSED', `cannot publish to internal ${exchange.what}`);
      }
      address.exchange = exchange;
      address.queues = undefined;
      address.version = vhost.version;
    }
    const exchange = address.exchange;
    const message = publishedMessage(this.#content, { exchange: exchangeName, routingKey, channel: this.#channel });
    if (exchange.type === 'topic') assertKeysAllowed(connection.user, exchange, message);
    exchange.counters.publish_in++;
    this.#channel.counters.publish++;
    vhost.counters.publish++;
    connection.sawPublish();
    if (transaction !== undefined) {
      transaction.publish(message, mandatory);
      return;
    }
    let queues = address.queues;
    if (queues === undefined || message.moreKeys !== undefined) {
      queues = vhost.route(exchange, message);
      if (message.moreKeys === undefined && vhost.hasFixedRoute(exchange, message)) address.queues = queues;
    }
    exchange.counters.publish_out += queues.length;
    const tag = this.#confirms === undefined ? 0 : ++this.#confirms.published;
    const routed = this.#deliver(message, queues, mandatory);
    if (this.#confirms === undefined) return;
    if (routed.isRefused) this.#confirms.refused(tag);
    else if (routed.isStored) this.#confirms.stored(tag);
    else this.#confirms.done(tag);
    this.#list();
  }

  #deliver(message: Message, queues: readonly Queue[], mandatory: boolean): Routed {
    const { connection, vhost } = this.#channel;
    if (message.exchange === '' && message.routingKey.startsWith(replyPrefix)) {
      if (connection.replies.deliver(message)) return { hasQueue: true, isRefused: false, isStored: false };
    }
    const routed = vhost.deliver(message, queues);
    if (!routed.hasQueue) {
      const outcome = mandatory ? 'return_unroutable' : 'drop_unroutable';
      this.#channel.counters[outcome]++;
      vhost.counters[outcome]++;
      if (mandatory && !this.#channel.isClosing) this.#return(message);
    }
    return routed;
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

  /** To be flushed at the end of the turn. */
  #list(): void {
    if (this.#isListed) return;
    this.#isListed = true;
    this.#channel.connection.flushLater(this.#channel);
  }
}

/** RabbitMQ: those of CC and BCC as well. */
export function assertKeysAllowed(user: User, exchange: Exchange, { routingKey, moreKeys = [] }: Message): void {
  for (const key of [routingKey, ...moreKeys]) assertTopicAccess(user, 'write', { exchange, routingKey: key });
}

function addressOf(buffer: Buffer, start: number, end: number): Address {
  const reader = new Reader(buffer, start, end);
  reader.short();
  const exchangeName = reader.shortstr();
  const routingKey = reader.shortstr();
  const bits = reader.octet();
  reader.expectEnd();
  return {
    bytes: Buffer.from(buffer.subarray(start, end)),
    exchangeName,
    routingKey,
    mandatory: (bits & mandatoryBit) !== 0,
    immediate: (bits & immediateBit) !== 0,
    version: -1,
    exchange: undefined,
    queues: undefined,
  };
}

function isSameBytes(known: Buffer, buffer: Buffer, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  // From the end: what differs most often is the last of the routing key.
  for (let index = known.length - 1; index >= 0; index--) if (known[index] !== buffer[start + index]) return false;
  return true;
}
