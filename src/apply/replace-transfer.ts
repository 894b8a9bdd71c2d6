// Moves the messages and bindings of a queue to its holding queue, and back. Each binding is added to the one queue before
// it is removed from the other, and a queue is deleted only when everything in it is safe.

import { MqError } from '../errors.ts';
import type { Room, SingleConnection } from '../session/session.ts';
import type { Properties, RawMessage } from '../session/wire.ts';
import { time } from '../time.ts';
import { holdingName } from '../topology/replace-names.ts';
import type { TopologyQueue } from '../topology/topology.ts';
import type { WantedQueue } from '../topology/wanted.ts';
import { withPolicySettings } from './effective-policy.ts';
import type { HoldingQueue } from './replace-holding-policy.ts';
import { awaitNotHeld } from './replace-not-held.ts';
import type { ReplacedObjects } from './replace-objects.ts';
import { capacityOf, holdingArguments, mayHoldBack } from './replace-policies.ts';
import { deleted, inUse } from './replace-refusals.ts';
import { bindingsTo, readState, removeBinding, type VhostState } from './replace-state.ts';
import type { Target } from './step.ts';

interface TransferParts {
  readonly target: Target;
  readonly connection: SingleConnection;
  readonly objects: ReplacedObjects;
  readonly onPoint: (point: string) => void;
}

interface Renewal {
  readonly state: VhostState;
  /** Declares the new queue. */
  readonly declare: () => Promise<unknown>;
}

interface Move {
  readonly from: string;
  readonly to: string;
  /** Type of the queue `from`. */
  readonly type: string;
  readonly prefetch?: number;
}

type Mover = Awaited<ReturnType<SingleConnection['move']>>;

/**
 * Milliseconds for which a queue without bindings must deliver nothing new. A message that a node routed before the
 * binding was removed arrives within this time.
 */
const settleMs = 1_000;

/**
 * Prefetch of the mover that runs while its queue is deleted. It acknowledges nothing then, so it can move at most this
 * number of messages that are published to the queue in the meantime.
 */
const mostPrefetch = 65_535;
/** Most messages in the queue when such a mover starts, because it keeps up to its prefetch in memory. */
const fewMessages = 256;

export class Transfer {
  readonly #parts: TransferParts;
  /** Number of messages that are moved back. */
  moved = 0;
  withoutUser = 0;

  constructor(parts: TransferParts) {
    this.#parts = parts;
  }

  /** Returns the holding queue. Declares it, if it does not exist. */
  async hold(found: TopologyQueue, wanted: WantedQueue, state: VhostState): Promise<HoldingQueue> {
    const name = holdingName(found.name);
    const existing = queueIn(state, name);
    if (existing !== undefined) return existing;
    this.#parts.onPoint('hold');
    const all = holdingArguments(found, wanted, state);
    await this.#parts.objects.declareQueue({ name, arguments: all });
    return { name, type: String(all['x-queue-type']), arguments: all };
  }

  /**
   * Moves everything to the holding queue, deletes the queue and calls `declare`. Returns the milliseconds from before the
   * deletion until after the declaration.
   */
  async out(found: TopologyQueue, { state, declare }: Renewal): Promise<number> {
    const { onPoint, target, objects } = this.#parts;
    const { name, type = 'classic' } = found;
    const holding = holdingName(name);
    onPoint('move');
    await objects.routeTo(holding, holding);
    const begun = time.now();
    const count = (await objects.depth(name)).messageCount;
    const first = await this.#mover({ from: name, to: holding, type });
    try {
      await first.drained({ count, signal: target.signal });
      await this.#moveBindings({ from: name, to: holding }, (drain) => first.drained(drain));
    } finally {
      await first.stop();
    }
    await awaitNotHeld(this.#parts, { name, type, since: mayHoldBack(found, state) ? time.now() : begun });
    for (let attempt = 1; attempt <= mostDeletions; attempt += 1) {
      const { messageCount: count } = await objects.depth(name);
      const isLast = count <= fewMessages;
      const mover = await this.#mover({ from: name, to: holding, type, ...(isLast && { prefetch: mostPrefetch }) });
      try {
        await mover.drained({ count, signal: target.signal });
        const { consumerCount, messageCount } = await objects.depth(name);
        if (consumerCount > 1) throw inUse(name, consumerCount - 1);
        if (!isLast || messageCount > 0) continue;
        onPoint('delete');
        const deletedAt = time.now();
        if (!(await this.#isDeleted(mover, { name, type }))) continue;
        await declare();
        const gapMs = time.now() - deletedAt;
        if (type === 'quorum') await mover.ended();
        return gapMs;
      } finally {
        await mover.stop();
      }
    }
    throw new MqError('REFUSED', `clients publish to the queue '${name}' by its name all the time`, {
      hint: 'stop them, and start them again after mq apply',
    });
  }

  /** Moves everything to the queue, and deletes the holding queue. */
  async back(name: string): Promise<void> {
    const { onPoint, target, objects } = this.#parts;
    const holding = holdingName(name);
    const state = await readState(target);
    const [from, queue] = [queueIn(state, holding), queueIn(state, name)];
    if (from === undefined) throw deleted(holding);
    if (queue === undefined) throw deleted(name);
    const { type = 'classic' } = from;
    const room = new QueueRoom(objects, name, capacityOf(await withPolicySettings(target, queue, state), state));
    for (let isDeleted = false; !isDeleted; ) {
      onPoint('move back');
      await objects.routeTo(holding, name);
      const count = (await objects.depth(holding)).messageCount;
      const mover = await this.#mover({ from: holding, to: name, type }, await room.left());
      try {
        await room.fill(mover, { count, signal: target.signal });
        await this.#moveBindings({ from: holding, to: name }, (drain) => room.fill(mover, drain));
      } finally {
        await mover.stop();
        this.moved += mover.moved;
      }
      onPoint('delete exchange');
      await objects.removeRoute(holding);
      onPoint('delete holding');
      isDeleted = await this.#isHoldingDeleted(from, state);
    }
  }

  #mover({ from, to, type, prefetch }: Move, room?: Room): Promise<Mover> {
    const { connection, target } = this.#parts;
    const isQuorum = type === 'quorum';
    let shown = 0;
    return connection.move(
      {
        queue: from,
        ...(prefetch !== undefined && { prefetch }),
        copyOf: (raw) => ({ ...addressOf(raw, { from, to }), properties: this.#propertiesOf(raw, isQuorum) }),
        onMoved: (count) => {
          if (count - shown < progressEvery) return;
          shown = count;
          target.onProgress(`${count} messages moved to ${to}`);
        },
      },
      room,
    );
  }

  /** Returns the properties unchanged, except for those that only the broker or the publisher may set. */
  #propertiesOf({ properties }: RawMessage, isQuorum: boolean): Properties {
    const { unreadable, userId, headers, ...kept } = properties;
    if (unreadable !== undefined) throw new MqError('BAD_DATA', `a message cannot be moved: ${unreadable}`);
    // RabbitMQ closes the channel with 406 if user_id is not the user of the connection.
    const isOwn = userId === undefined || userId === this.#parts.connection.user;
    if (!isOwn) this.withoutUser += 1;
    const left = headers && isQuorum ? withoutCounts(headers) : headers;
    return { ...kept, ...(left && { headers: left }), ...(isOwn && userId !== undefined && { userId }) };
  }

  /** Moves all bindings, and the messages that arrive until no message can arrive through an exchange any more. */
  async #moveBindings({ from, to }: { from: string; to: string }, drained: (drain: Drain) => Promise<void>) {
    const { target, connection, objects, onPoint } = this.#parts;
    for (let round = 1; round <= mostRounds; round += 1) {
      for (const one of await bindingsTo(target, from)) {
        onPoint('bind');
        await connection.moveBinding(one, { from, to });
        // JSON does not show the AMQP types of arguments, so the broker may not have found the binding.
        if (round > 1) await removeBinding(target, from, one);
      }
      const { messageCount: count } = await objects.depth(from);
      await drained({ leastMs: settleMs, count, signal: target.signal });
      if ((await bindingsTo(target, from)).length === 0) return;
    }
    throw new MqError('REFUSED', `another client binds the queue '${from}' all the time`);
  }

  /**
   * Deletes an empty queue. Returns `false` if it has received a message or a consumer. RabbitMQ 4.3.6: a quorum queue
   * cannot be deleted on a condition, so the mover receives what is published to it until it is gone.
   */
  async #isDeleted(mover: Mover, { name, type }: { name: string; type: string }): Promise<boolean> {
    const { objects } = this.#parts;
    if (type === 'quorum') {
      mover.expectDeletion();
      await objects.deleteQueue(name);
      return true;
    }
    await mover.stop();
    return objects.deleteEmpty(name);
  }

  /** Deletes the holding queue, to which no client publishes by name. Returns `false` if it is not empty. */
  async #isHoldingDeleted(holding: TopologyQueue, state: VhostState): Promise<boolean> {
    const { objects } = this.#parts;
    const { name, type } = holding;
    if (mayHoldBack(holding, state)) await awaitNotHeld(this.#parts, { name, type: 'quorum', since: time.now() });
    const { messageCount, consumerCount } = await objects.depth(name);
    if (consumerCount > 0) throw inUse(name, consumerCount);
    if (type !== 'quorum') return objects.deleteEmpty(name);
    if (messageCount > 0) return false;
    await objects.deleteQueue(name);
    return true;
  }
}

type Drain = Parameters<Mover['drained']>[0];

/** The room that a queue has. */
class QueueRoom {
  readonly #objects: ReplacedObjects;
  readonly #name: string;
  readonly #capacity: Room;

  constructor(objects: ReplacedObjects, name: string, capacity: Room) {
    this.#objects = objects;
    this.#name = name;
    this.#capacity = capacity;
  }

  /** The size of the messages in a queue is not known, so a limit in bytes leaves room only in an empty queue. */
  async left(): Promise<Room> {
    const { messages, bytes } = this.#capacity;
    const { messageCount } = await this.#objects.depth(this.#name);
    return { messages: messages - messageCount, bytes: messageCount === 0 || bytes === Infinity ? bytes : 0 };
  }

  /** Waits like `drained`, and throws REFUSED if the queue has no room for what is left. */
  async fill(mover: Mover, drain: Drain): Promise<void> {
    for (;;) {
      const { moved } = mover;
      await mover.drained(drain);
      if (!mover.isFull) return;
      const left = await this.left();
      if (left.messages < 1 || (mover.moved === moved && left.bytes !== Infinity))
        throw new MqError('REFUSED', `the queue '${this.#name}' is full`);
      mover.allow(left);
    }
  }
}

/** Number of messages between two reports of the progress. */
const progressEvery = 1_000;
const mostRounds = 10;
/** Number of attempts to delete a queue to which clients publish by its name. */
const mostDeletions = 30;

/** Headers with which a quorum queue counts deliveries. */
const counting = ['x-delivery-count', 'x-acquired-count'];

function withoutCounts(headers: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  if (!counting.some((name) => Object.hasOwn(headers, name))) return headers;
  const left = Object.entries(headers).filter(([name]) => !counting.includes(name));
  return left.length === 0 ? undefined : Object.fromEntries(left);
}

/**
 * Returns where the copy is sent. It keeps its routing key, with which the holding queue may dead-letter it. A message that
 * was sent to the queue by its name is sent back in the same way.
 */
function addressOf({ fields, properties }: RawMessage, { from, to }: { from: string; to: string }) {
  const { routingKey } = fields;
  const isBack = from === holdingName(to);
  const isByName = isBack && fields.exchange === from && routingKey === to;
  // RabbitMQ: the default exchange also routes by the header CC.
  if (isByName && properties.headers?.['CC'] === undefined) return { exchange: '', routingKey };
  return { exchange: isBack ? from : to, routingKey };
}

function queueIn({ topology }: VhostState, name: string): TopologyQueue | undefined {
  return topology.queues.find((one) => one.name === name);
}
