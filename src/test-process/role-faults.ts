// Causes the faults of a test file in its embedded broker: those that a test asks for (`faults` of mq/test) and those of
// `mq test --chaos`. They affect all clients except the fixtures.

import type { AckFate, Client, Interference } from '../broker/interference.ts';
import type { ChaosPlan, FaultControl } from '../harness/target.ts';
import { pause, time } from '../time.ts';
import { type VhostState, waitForRoles } from './broker-state.ts';
import { isOwn } from './connection-name.ts';
import type { ContractWatch } from './contract-watch.ts';
import { KeptBack } from './kept-back.ts';
import { SeededFaults } from './seeded-faults.ts';

type Delivery = Parameters<Interference['acknowledge']>[0];

/** Milliseconds that a role has to consume again after it has lost its connection. */
const reconnectMs = 5_000;
/** Milliseconds that the roles have to handle what faults have returned to their queues. */
const settledMs = 3_000;

interface RoleFaultsParts {
  /** `undefined` before the broker starts. */
  readonly state: () => VhostState | undefined;
  /** Starts the broker, unless it is running. */
  readonly open: () => Promise<unknown>;
  /** Returns the names of the queues of rascal.json. Some of them are declared when they are first used. */
  readonly definedQueues: () => readonly string[];
  readonly chaos: ChaosPlan | undefined;
  readonly contracts: ContractWatch;
}

export class RoleFaults implements FaultControl, Interference {
  readonly #state: () => VhostState | undefined;
  readonly #open: () => Promise<unknown>;
  readonly #definedQueues: () => readonly string[];
  readonly #chaos: SeededFaults | undefined;
  readonly #contracts: ContractWatch;
  readonly #keptBack = new KeptBack();
  /** Faults that a test has started. */
  readonly #active = new Set<Fault>();
  /** Messages whose first acknowledgement was already lost. */
  #lost = new Set<unknown>();
  /** Queues that have delivered a message again. */
  #repeating = new Set<string>();
  /** Numbers of messages in the order of their first delivery. */
  #numbers = new Map<unknown, number>();
  /** Queues whose consumers have lost their connection, with the time at which nothing waits for them any more. */
  readonly #interrupted = new Map<string, number>();
  /** Queues that were named before the broker started, with the error for the case that they do not exist. */
  #unchecked: [queue: string, error: TypeError][] = [];

  constructor({ state, open, definedQueues, chaos, contracts }: RoleFaultsParts) {
    this.#contracts = contracts;
    this.#state = state;
    this.#open = open;
    this.#definedQueues = definedQueues;
    this.#chaos = chaos && new SeededFaults(chaos);
  }

  get counts(): FaultControl['counts'] {
    return this.#chaos && { faults: this.#chaos.caused, chances: this.#chaos.chances };
  }

  contractFaults(): readonly string[] {
    return this.#contracts.take();
  }

  get patience(): number {
    return this.#chaos === undefined ? 1 : 3;
  }

  begin(): void {
    this.#chaos?.begin();
    this.#lost = new Set();
    this.#repeating = new Set();
    this.#numbers = new Map();
  }

  heal(): void {
    this.#chaos?.stop();
    for (const fault of this.#active) this.#end(fault);
  }

  async settled(): Promise<boolean> {
    const state = this.#state();
    const isRepeating = this.#chaos !== undefined || this.#has('redeliver') || this.#has('crash');
    if (state === undefined || (!isRepeating && this.#interrupted.size === 0)) return false;
    // A handler that runs longer is not an error. The test has its own time limits.
    await waitForRoles(state, settledMs, () => this.pending() ?? this.#waitingCopy()).catch(() => undefined);
    return true;
  }

  /**
   * Describes a message in a wait queue. A worker sends a redelivered message of a classic queue through one, because
   * another worker may have crashed with it.
   */
  #waitingCopy(): string | undefined {
    for (const { name, undelivered } of this.#state()?.vhost.queues.values() ?? []) {
      const [, queue = '', milliseconds] = /^(.+)\.retry\.(\d+)$/.exec(name) ?? [];
      if (undelivered > 0 && this.#repeating.has(queue) && Number(milliseconds) < settledMs)
        return `the queue "${name}" has a message`;
    }
    return undefined;
  }

  /** Returns all messages that are kept back to their queues. */
  release(): void {
    this.#keptBack.release();
  }

  /** Describes a fault after which a role has still to receive messages. */
  pending(): string | undefined {
    const queues = this.#state()?.vhost.queues;
    for (const [name, until] of this.#interrupted) {
      const isBack = [...(queues?.get(name)?.consumers.all ?? [])].length > 0;
      if (isBack || time.now() > until) this.#interrupted.delete(name);
    }
    const [queue] = this.#interrupted.keys();
    if (queue !== undefined) return `no role consumes from the queue "${queue}" since its connection was closed`;
    return this.#keptBack.release() > 0 ? 'a message was kept back' : undefined;
  }

  redeliver(): () => void {
    return this.#start({ type: 'redeliver' });
  }

  crashBetween(from: 'effect', to: 'ack'): () => void {
    if (from !== 'effect' || to !== 'ack')
      throw new TypeError("crashBetween requires the arguments 'effect' and 'ack'");
    return this.#start({ type: 'crash' });
  }

  async cut(): Promise<void> {
    const closed = this.#clients();
    for (const client of closed) this.#close(client, 'faults.cut()');
    while (this.#clients().some((client) => closed.includes(client))) await pause(1);
  }

  delay(milliseconds: number): () => void {
    if (!Number.isFinite(milliseconds) || milliseconds < 0)
      throw new TypeError(`faults.delay requires milliseconds, a number from 0, not ${String(milliseconds)}`);
    return this.#start({ type: 'delay', milliseconds });
  }

  refusePublish(): () => void {
    return this.#start({ type: 'refuse' });
  }

  full(queue: string): () => void {
    if (typeof queue !== 'string' || queue === '') throw new TypeError('faults.full requires the name of a queue');
    const error = new TypeError(`faults.full requires an existing queue, not "${queue}"`);
    if (this.#state() === undefined) this.#unchecked.push([queue, error]);
    else if (!this.#hasQueue(queue)) throw error;
    return this.#start({ type: 'full', queue });
  }

  checked(): Promise<void> | undefined {
    const unchecked = this.#unchecked;
    this.#unchecked = [];
    return unchecked.length === 0 ? undefined : this.#check(unchecked);
  }

  async #check(unchecked: readonly [queue: string, error: TypeError][]): Promise<void> {
    // A fixture that uses the broker reports why it cannot start.
    await this.#open().catch(() => undefined);
    for (const [queue, error] of unchecked) if (this.#state() !== undefined && !this.#hasQueue(queue)) throw error;
  }

  #hasQueue(queue: string): boolean {
    return this.#state()?.vhost.queues.has(queue) === true || this.#definedQueues().includes(queue);
  }

  block(): () => void {
    const end = this.#start({ type: 'block' });
    for (const client of this.#clients()) client.block(true);
    return end;
  }

  opened(client: Client): void {
    if (this.#has('block') && isRole(client)) client.block(true);
  }

  latencyMs(client: Client): number {
    let longest = 0;
    for (const fault of this.#active) {
      if (fault.type === 'delay' && isRole(client)) longest = Math.max(longest, fault.milliseconds);
    }
    return longest;
  }

  publish(seen: Parameters<Interference['publish']>[0]): ReturnType<Interference['publish']> {
    const { client } = seen;
    if (!isFixture(client)) this.#contracts.see(seen);
    if (!isRole(client)) return undefined;
    if (this.#has('refuse')) return { isRefused: true };
    if (this.#chaos === undefined) return undefined;
    const key = keyOf(client);
    const number = this.#chaos.next(`publish ${key}`);
    if (this.#chaos.disconnects(`publish ${key}`, number)) return { closesFor: reasonOf('reconnect') };
    const confirmAfterMs = this.#chaos.confirmDelayMs(key, number);
    return confirmAfterMs > 0 ? { confirmAfterMs } : undefined;
  }

  isFull(queue: string, client: Client): boolean {
    return isRole(client) && [...this.#active].some((fault) => fault.type === 'full' && fault.queue === queue);
  }

  keepBack(delivery: Delivery, putBack: () => void): boolean {
    if (this.#chaos === undefined || !isRole(delivery.client)) return false;
    const { queue, entry } = delivery;
    this.#keptBack.delivered(queue);
    if (entry.redelivered || this.#numbers.has(identityOf(delivery)) || this.#keptBack.has(queue)) return false;
    const successors = this.#chaos.successors(seriesOf(queue), this.#numberOf(delivery));
    if (successors === 0) return false;
    this.#keptBack.keep(queue, successors, putBack);
    return true;
  }

  acknowledge(delivery: Delivery): AckFate | undefined {
    const { client } = delivery;
    if (!isRole(client)) return undefined;
    const isFirst = !this.#lost.has(identityOf(delivery));
    if (isFirst && this.#has('crash')) {
      this.#lose(delivery);
      this.#interrupt(client);
      return { isLost: true, closesFor: "faults.crashBetween('effect', 'ack')" };
    }
    if (isFirst && this.#has('redeliver')) {
      this.#lose(delivery);
      return { isLost: true };
    }
    return this.#chaos && this.#seededFate(this.#chaos, delivery, isFirst);
  }

  #seededFate(chaos: SeededFaults, delivery: Delivery, isFirst: boolean): AckFate | undefined {
    const { client, queue } = delivery;
    const isLost = isFirst && chaos.losesAck(seriesOf(queue), this.#numberOf(delivery));
    if (isLost) this.#lose(delivery);
    const series = `ack ${keyOf(client)}`;
    if (!chaos.disconnects(series, chaos.next(series))) return isLost ? { isLost } : undefined;
    this.#interrupt(client);
    return { isLost, closesFor: reasonOf('reconnect') };
  }

  #lose(delivery: Delivery): void {
    this.#lost.add(identityOf(delivery));
    this.#repeating.add(delivery.queue);
  }

  #numberOf(delivery: Delivery): number {
    const identity = identityOf(delivery);
    const known = this.#numbers.get(identity);
    const number = known ?? this.#chaos?.next(`queue ${seriesOf(delivery.queue)}`) ?? 0;
    this.#numbers.set(identity, number);
    return number;
  }

  #start(fault: Fault): () => void {
    this.#active.add(fault);
    return () => this.#end(fault);
  }

  #end(fault: Fault): void {
    if (!this.#active.delete(fault) || fault.type !== 'block' || this.#has('block')) return;
    for (const client of this.#clients()) client.block(false);
  }

  #has(type: Fault['type']): boolean {
    for (const fault of this.#active) if (fault.type === type) return true;
    return false;
  }

  #clients(): Client[] {
    return [...(this.#state()?.connections ?? [])].filter(isRole);
  }

  #close(client: Client, reason: string): void {
    this.#interrupt(client);
    client.close(reason);
  }

  /** Remembers the queues of a client whose connection is closed, so that the clock waits until it consumes again. */
  #interrupt(client: Client): void {
    for (const connection of this.#state()?.connections ?? []) {
      if (connection !== client) continue;
      for (const { deliveries } of connection.channels.values()) {
        for (const { queue } of deliveries.consumers.values())
          this.#interrupted.set(queue.name, time.now() + reconnectMs);
      }
    }
  }
}

type Fault =
  | { readonly type: 'redeliver' | 'crash' | 'refuse' | 'block' }
  | { readonly type: 'delay'; readonly milliseconds: number }
  | { readonly type: 'full'; readonly queue: string };

/** Reports whether the client is a role or a client of the test itself. It is unknown before the login. */
function isRole(client: Client): boolean {
  const { clientProperties } = client.details;
  return Object.keys(clientProperties).length > 0 && !isFixture(client);
}

function isFixture({ details: { clientProperties } }: Client): boolean {
  return isOwn(textOf(clientProperties['connection_name']));
}

/** Returns the part of the connection's name that is the same in each run: `mq worker consume`. */
function keyOf(client: Client): string {
  const name = textOf(client.details.clientProperties['connection_name']);
  return name.startsWith('mq ') ? name.slice(0, name.lastIndexOf(' ')) : 'client';
}

/** Identifies a message in its queue. The copies of a retry have the same message-id. */
function identityOf({ queue, entry }: Delivery): unknown {
  const { messageId } = entry.message.properties();
  return messageId === undefined ? entry : `${queue}\0${messageId}`;
}

/** Returns the name of a queue that is the same in each run, because the broker generates some names. */
function seriesOf(queue: string): string {
  return queue.startsWith('amq.gen') ? 'amq.gen' : queue;
}

function reasonOf(kind: string): string {
  return `mq test --chaos: ${kind}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
