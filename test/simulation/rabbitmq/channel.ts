// One channel of a client on a simulated node. It passes commands on, keeps the tags of both sides, and does what the
// conditions of the node say.

import type { MethodFields } from '../../../src/broker/codec/methods.ts';
import type { Random } from '../../support/random.ts';
import { bytesOf, type Command, consumeBytes, methodBytes, withDeliveryTag, withoutCounts } from './commands.ts';
import { type Conditions, inMinority, type QueueType } from './conditions.ts';
import { type Delivery, DeliveryTags } from './delivery-tags.ts';
import { type Confirm, PublishTags } from './publish-tags.ts';

/** The interface of the connection for its channels. */
export interface ChannelHost {
  readonly conditions: Conditions;
  readonly random: Random;
  /** Returns true if the virtual host has a queue or an exchange with this name. */
  exists(name: string): boolean;
  /** `undefined` for a queue whose consumers no fault may cancel, because the queue would be deleted. */
  typeOf(queue: string): QueueType | undefined;
  toCore(bytes: Buffer): void;
  toClient(bytes: Buffer): void;
  removeChannel(channel: { readonly number: number }): void;
  /** Closes the channel in the core. Nothing that the core still sends on it reaches the client. */
  closeInCore(channel: { readonly number: number }): void;
}

interface Consumer {
  readonly fields: MethodFields<'basic.consume'>;
  /** True after basic.cancel of the client. */
  isEnding: boolean;
  /** True if the core has no consumer at the moment, although the client has one. */
  isSuspended: boolean;
}

/** A publish or a settlement that the node in the minority keeps. */
interface Kept {
  readonly command: Command;
  /** Tag of a publish. */
  readonly tag: number;
  /** A publish that never arrives. */
  isLost: boolean;
}

/** Returns the publishes that are lost. Erlang delivers in order, so a publish does not arrive after a lost one. */
function lostOf(kept: readonly Kept[]): ReadonlySet<Kept> {
  const publishes = kept.filter(({ tag }) => tag > 0);
  const first = publishes.findIndex(({ isLost }) => isLost);
  return new Set(first < 0 ? [] : publishes.slice(first));
}

/** Decision 6: a node in the minority nacks a publish on a new channel after this time. */
const nackMs = 15_000;
/** A delivery tag that no channel has, so that the core answers 406. */
const unknownTag = 2 ** 40;
/** Commands of the core that a node in the minority does not receive. */
const remote = ['basic.deliver', 'basic.get-ok', 'basic.get-empty', 'basic.ack', 'basic.nack', 'basic.return'];

export class RelayedChannel {
  readonly number: number;
  readonly consumers = new Map<string, Consumer>();
  readonly deliveries = new DeliveryTags();
  readonly #host: ChannelHost;
  readonly #publishes = new PublishTags();
  /** The basic.get commands without an answer. */
  readonly #gets: MethodFields<'basic.get'>[] = [];
  /** Consumers that this node has cancelled in the core, without an answer yet. */
  readonly #cancelling: MethodFields<'basic.consume'>[] = [];
  #hasPassedPublish = false;
  /** Commands of the client that wait for the end of the minority. */
  readonly #kept: Kept[] = [];
  #isBlocked = false;
  /** Commands of the core that wait for the end of the minority. */
  #arrived: Command[] = [];
  #late: Confirm[] = [];
  #isLateDue = false;
  #state: 'open' | 'closing' | 'closed by the node' = 'open';

  constructor(host: ChannelHost, number: number) {
    this.#host = host;
    this.number = number;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  typeOf(queue: string): QueueType | undefined {
    return this.#host.typeOf(queue);
  }

  receive(command: Command): void {
    const { name } = command.method;
    if (this.#state === 'closed by the node') {
      if (name === 'channel.close') this.#host.toClient(methodBytes(this.number, 'channel.close-ok', {}));
      if (name === 'channel.close' || name === 'channel.close-ok') this.#host.removeChannel(this);
      return;
    }
    const tag = name === 'basic.publish' ? this.#publishes.publish() : 0;
    const { minority } = this.#host.conditions;
    const fate = minority ? inMinority(command.method, (queue) => this.#host.exists(queue)) : 'passes';
    if (fate !== 'passes' || this.#isBlocked) this.#keep({ command, tag, isLost: false }, fate === 'blocks');
    else this.#pass(command, tag);
  }

  /** Passes on what was kept. Consumers that were suspended receive messages again. */
  heal(): void {
    this.#isBlocked = false;
    const kept = this.#kept.splice(0);
    const lost = lostOf(kept);
    this.#confirm([...lost].map(({ tag }) => ({ tag, isAck: false })));
    for (const one of kept) if (!lost.has(one)) this.#pass(one.command, one.tag);
    for (const command of this.#arrived.splice(0)) this.receiveFromCore(command);
    for (const consumer of this.consumers.values()) this.#resume(consumer);
    this.#sendLate();
  }

  /** Passes on the first ones of the kept publishes, because the channel ends. */
  end(): void {
    const kept = this.#kept.splice(0);
    const lost = lostOf(kept);
    const publishes = kept.filter((one) => one.tag > 0 && !lost.has(one));
    const last = this.#host.random.chance(0.5) ? publishes.length : this.#host.random.below(publishes.length + 1);
    for (const { command, tag } of publishes.slice(0, last)) this.#pass(command, tag);
  }

  #keep(kept: Kept, blocks: boolean): void {
    if (kept.tag > 0 && !this.#hasPassedPublish) this.#nackLater(kept);
    if (blocks) this.#isBlocked = true;
    this.#kept.push(kept);
  }

  #nackLater(kept: Kept): void {
    setTimeout(() => {
      if (!this.#kept.includes(kept)) return;
      this.#confirm([{ tag: kept.tag, isAck: false }]);
      // The message may still arrive later, because the other nodes may have received the command.
      if (this.#host.random.chance(0.5)) kept.isLost = true;
    }, nackMs);
  }

  #pass(command: Command, tag: number): void {
    const { method } = command;
    switch (method.name) {
      case 'basic.publish':
        this.#publish(command, tag);
        return;
      case 'basic.ack':
      case 'basic.nack':
      case 'basic.reject':
        this.#settle(command);
        return;
      case 'basic.consume':
        this.#consume(method.fields);
        return;
      case 'basic.cancel':
        this.#endConsumer(method.fields);
        break;
      case 'basic.get':
        this.#gets.push(method.fields);
        break;
      case 'basic.recover':
        this.deliveries.clear();
        break;
      case 'confirm.select':
        this.#publishes.isConfirming = true;
        break;
      case 'channel.close':
        this.end();
        this.#state = 'closing';
        break;
      case 'channel.close-ok':
        this.#host.removeChannel(this);
    }
    this.#host.toCore(bytesOf(command));
  }

  #publish(command: Command, tag: number): void {
    const { conditions } = this.#host;
    if (this.#publishes.isConfirming && conditions.refusals > 0) {
      conditions.refusals -= 1;
      this.#confirm([{ tag, isAck: false }]);
      return;
    }
    this.#hasPassedPublish = true;
    this.#publishes.pass(tag);
    this.#host.toCore(bytesOf(command));
  }

  #consume(fields: MethodFields<'basic.consume'>): void {
    const consumerTag = fields.consumerTag || `amq.ctag-${this.#host.random.below(2 ** 32)}`;
    const known = { ...fields, consumerTag };
    this.consumers.set(consumerTag, { fields: known, isEnding: false, isSuspended: false });
    this.#host.toCore(consumeBytes(this.number, known, fields.noWait));
  }

  #endConsumer({ consumerTag, noWait }: MethodFields<'basic.cancel'>): void {
    const consumer = this.consumers.get(consumerTag);
    if (consumer) consumer.isEnding = true;
    if (noWait) this.consumers.delete(consumerTag);
  }

  #settle({ method, payload, channel }: Command): void {
    if (method.name !== 'basic.ack' && method.name !== 'basic.nack' && method.name !== 'basic.reject') return;
    const { deliveryTag } = method.fields;
    const settled = this.deliveries.settle(deliveryTag, method.name !== 'basic.reject' && method.fields.multiple);
    const last = settled === undefined ? unknownTag : settled.findLast(({ isReturned }) => !isReturned)?.coreTag;
    if (last === undefined) return;
    this.#host.toCore(bytesOf(withDeliveryTag({ channel, method, payload, content: [] }, last)));
  }

  receiveFromCore(command: Command): void {
    const { conditions } = this.#host;
    const { method } = command;
    if (this.#state === 'closed by the node') return;
    if (conditions.minority && remote.includes(method.name)) {
      this.#arrived.push(command);
      return;
    }
    switch (method.name) {
      case 'basic.deliver':
        this.#deliver(command, method.fields);
        return;
      case 'basic.get-ok':
        this.#got(command, method.fields.deliveryTag);
        return;
      case 'basic.get-empty':
        this.#gets.shift();
        break;
      case 'basic.ack':
        this.#confirmed(this.#publishes.confirmed(method.fields.deliveryTag, method.fields.multiple), true);
        return;
      case 'basic.nack':
        this.#confirmed(this.#publishes.confirmed(method.fields.deliveryTag, method.fields.multiple), false);
        return;
      default:
        if (this.#receiveAnswer(command)) return;
    }
    this.#host.toClient(bytesOf(command));
  }

  /** Returns true if the client does not receive the command. */
  #receiveAnswer(command: Command): boolean {
    const { method } = command;
    switch (method.name) {
      case 'basic.cancel-ok':
        return this.#cancelled(method.fields.consumerTag);
      case 'basic.cancel':
        this.consumers.delete(method.fields.consumerTag);
        return false;
      case 'queue.declare-ok':
        if (this.#host.conditions.minority?.reportsEmpty !== true) return false;
        this.#host.toClient(bytesOf(withoutCounts(command)));
        return true;
      case 'channel.close':
        this.#state = 'closing';
        return false;
      case 'channel.close-ok':
        this.#host.removeChannel(this);
        return false;
      default:
        return false;
    }
  }

  /** Returns true if this node, and not the client, has cancelled the consumer. */
  #cancelled(consumerTag: string): boolean {
    const index = this.#cancelling.findIndex((each) => each.consumerTag === consumerTag);
    if (index === -1) this.consumers.delete(consumerTag);
    else this.#cancelling.splice(index, 1);
    return index !== -1;
  }

  #deliver(command: Command, { consumerTag, deliveryTag }: MethodFields<'basic.deliver'>): void {
    const cancelled = this.#cancelling.find((each) => each.consumerTag === consumerTag);
    if (cancelled) {
      if (!cancelled.noAck) this.#requeue(deliveryTag);
      return;
    }
    const { noAck = false, queue = '' } = this.consumers.get(consumerTag)?.fields ?? {};
    const tag = noAck ? this.deliveries.next() : this.deliveries.add({ coreTag: deliveryTag, consumerTag, queue });
    this.#host.toClient(bytesOf(withDeliveryTag(command, tag)));
  }

  #got(command: Command, coreTag: number): void {
    const { queue = '', noAck = false } = this.#gets.shift() ?? {};
    const tag = noAck ? this.deliveries.next() : this.deliveries.add({ coreTag, queue, consumerTag: undefined });
    this.#host.toClient(bytesOf(withDeliveryTag(command, tag)));
  }

  #confirmed(tags: readonly number[], isAck: boolean): void {
    const { conditions, random } = this.#host;
    const confirms = tags.map((tag) => ({ tag, isAck: isAck && !(conditions.nacks > 0 && conditions.nacks-- > 0) }));
    const { lateConfirms } = conditions;
    if (lateConfirms === undefined && this.#late.length === 0) {
      this.#confirm(confirms);
      return;
    }
    this.#late.push(...confirms);
    if (this.#isLateDue) return;
    this.#isLateDue = true;
    const { minMs = 0, maxMs = 0 } = lateConfirms ?? {};
    setTimeout(() => this.#sendLate(lateConfirms?.isShuffled), minMs + random.below(maxMs - minMs + 1));
  }

  #sendLate(isShuffled = false): void {
    this.#isLateDue = false;
    if (this.#host.conditions.minority) return;
    const late = this.#late.splice(0);
    if (!isShuffled) {
      this.#confirm(late);
      return;
    }
    while (late.length > 0) this.#confirm(late.splice(this.#host.random.below(late.length), 1));
  }

  #confirm(confirms: readonly Confirm[]): void {
    if (this.#state !== 'open') return;
    for (const { tag: deliveryTag, isAck, multiple } of this.#publishes.frames(confirms)) {
      const fields = { deliveryTag, multiple };
      this.#host.toClient(
        isAck
          ? methodBytes(this.number, 'basic.ack', fields)
          : methodBytes(this.number, 'basic.nack', { ...fields, requeue: false }),
      );
    }
  }

  /** Returns unsettled messages to their queues. The client keeps its deliveries, and RabbitMQ ignores their settlement. */
  returnUnsettled(isMeant: (delivery: Delivery) => boolean): number {
    if (!this.isOpen) return 0;
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const command of arrived) {
      const { method } = command;
      if (method.name !== 'basic.deliver') this.#arrived.push(command);
      else if (this.consumers.get(method.fields.consumerTag)?.fields.noAck !== true)
        this.#requeue(method.fields.deliveryTag);
    }
    const returned = this.deliveries.return(isMeant);
    for (const { coreTag } of returned) this.#requeue(coreTag);
    return returned.length;
  }

  #requeue(coreTag: number): void {
    this.#host.toCore(methodBytes(this.number, 'basic.nack', { deliveryTag: coreTag, multiple: false, requeue: true }));
  }

  /** Removes a consumer from the core and returns its messages. The client does not notice. */
  suspend(consumerTag: string): void {
    const consumer = this.#disturbable(consumerTag);
    if (consumer === undefined) return;
    consumer.isSuspended = true;
    this.#cancelling.push(consumer.fields);
    this.#host.toCore(methodBytes(this.number, 'basic.cancel', { consumerTag, noWait: false }));
    this.returnUnsettled((delivery) => delivery.consumerTag === consumerTag);
  }

  /** Suspends a consumer for ever. Returns false if that is not possible. */
  forget(consumerTag: string): boolean {
    if (this.#disturbable(consumerTag) === undefined) return false;
    this.suspend(consumerTag);
    return this.consumers.delete(consumerTag);
  }

  /** Cancels a consumer with basic.cancel. Returns false if that is not possible. */
  cancel(consumerTag: string): boolean {
    if (!this.forget(consumerTag)) return false;
    this.#host.toClient(methodBytes(this.number, 'basic.cancel', { consumerTag, noWait: true }));
    return true;
  }

  #resume(consumer: Consumer): void {
    if (!this.isOpen || !consumer.isSuspended || consumer.isEnding) return;
    consumer.isSuspended = false;
    this.#host.toCore(consumeBytes(this.number, consumer.fields, true));
  }

  #disturbable(consumerTag: string): Consumer | undefined {
    const consumer = this.consumers.get(consumerTag);
    if (!this.isOpen || consumer === undefined || consumer.isSuspended || consumer.isEnding) return undefined;
    return consumer.fields.exclusive || this.#host.typeOf(consumer.fields.queue) === undefined ? undefined : consumer;
  }

  /** Closes the channel with an error. */
  close(replyCode: number, replyText: string): void {
    if (!this.isOpen) return;
    this.#state = 'closed by the node';
    this.#host.toClient(methodBytes(this.number, 'channel.close', { replyCode, replyText, classId: 0, methodId: 0 }));
    this.#host.closeInCore(this);
  }
}
