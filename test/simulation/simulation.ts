// Runs a plan: starts the broker and the roles, injects the faults, heals everything, waits until the work is done, and
// returns what was violated.

import { join } from 'node:path';
import { emptyHistory, type History } from '../faults/history.ts';
import { OperatorRole } from './api/role.ts';
import { SimulatedBroker } from './broker.ts';
import { CommandRole } from './command-roles.ts';
import { configurationFile } from './configuration.ts';
import { inject } from './faults.ts';
import { excessOf, violationsOf } from './invariants.ts';
import { isAgain, type PlannedMessage, type Received } from './message.ts';
import { Overlaps } from './overlaps.ts';
import type { Plan } from './plan.ts';
import { ReceivingRole } from './receiving-roles.ts';
import { ArchivePublisherRole, MoverRole } from './recordings/roles.ts';
import { ReplaceRole } from './replacement.ts';
import type { Role } from './roles.ts';
import { PublisherRole, RequesterRole } from './sending-roles.ts';
import { mustBecomeEmpty, StreamRun } from './streams/run.ts';
import { Child } from './world/child.ts';
import { enter } from './world/globals.ts';
import { Network } from './world/network.ts';
import type { Signal } from './world/process.ts';
import { setImmediate } from './world/real.ts';
import { Trace } from './world/trace.ts';
import { EndlessLoop, World } from './world/world.ts';

export interface Result {
  readonly plan: Plan;
  readonly violations: readonly string[];
  /** Hash of the trace. */
  readonly hash: string;
  /** Number of events. */
  readonly steps: number;
  /** Virtual duration in milliseconds. */
  readonly virtualMs: number;
}

/** Virtual time after the last fault, or the last effect, in which the roles must make progress until all work is done. */
const settleMs = 20 * 60_000;
/** Most events of one run. */
const mostSteps = 400_000;
const heldMs = 30_000;
/** Virtual time in which the broker must listen. */
const startMs = 60_000;
/** Virtual time after which a connection that was closed is closed on both sides. */
const closedMs = 10_000;

/** Virtual time in which the broker deletes the messages of a stream. */
const deletedMs = 1000;

export class Simulation {
  readonly plan: Plan;
  readonly world: World;
  readonly network: Network;
  readonly history: History = emptyHistory();
  /** Bodies of the messages that handlers have received, by message id. */
  readonly bodies = new Map<string, string>();
  /** Bodies of messages that were dropped because their handler exceeded its time limit, or their reply was refused. */
  readonly late = new Set<string>();
  readonly overlaps = new Overlaps();
  readonly roles: readonly Role[];
  readonly broker: SimulatedBroker;
  readonly replacement: ReplaceRole | undefined;
  readonly stream: StreamRun | undefined;
  readonly mover: MoverRole | undefined;
  /** Configuration of the processes that start now. */
  configFile: string;
  /** Virtual time since which there is no fault. */
  healthySince = Number.POSITIVE_INFINITY;
  readonly handlerFile = join(import.meta.dirname, 'handler.ts');

  /**
   * @param print receives the lines of the trace
   * @param messageAt returns the messages of all publishers, instead of those of the plan
   */
  constructor(plan: Plan, print?: (line: string) => void, messageAt?: (index: number) => PlannedMessage | undefined) {
    this.plan = plan;
    this.world = new World(plan.seed, new Trace(print));
    this.world.eventMs = plan.eventMs;
    this.network = new Network(this.world);
    Object.assign(this.network.defaults, { minMs: plan.network.minMs, maxMs: plan.network.maxMs });
    this.network.segmentBytes = plan.network.segmentBytes;
    this.network.bufferBytes = plan.network.bufferBytes;
    this.broker = new SimulatedBroker(this, plan.broker);
    this.configFile = configurationFile(plan);
    this.replacement = plan.replacement && new ReplaceRole(this, plan.replacement);
    this.stream = plan.stream && new StreamRun(this, plan.stream);
    const archivist = plan.recording && new ArchivePublisherRole(this, plan.recording);
    this.mover = plan.recording && archivist && new MoverRole(this, plan.recording, archivist);
    this.roles = [
      ...plan.publishers.map((one) => new PublisherRole(this, one, messageAt)),
      ...plan.consumers.map((one) => new ReceivingRole(this, one, 'consumer')),
      ...(plan.requesters ?? []).map((one) => new RequesterRole(this, one)),
      ...(plan.repliers ?? []).map((one) => new ReceivingRole(this, one, 'replier')),
      ...(plan.commands ?? []).map((one) => new CommandRole(this, one)),
      ...(this.replacement ? [this.replacement] : []),
      ...(this.stream?.roles ?? []),
      ...(archivist ? [archivist] : []),
      ...(this.mover ? [this.mover] : []),
      ...(plan.api ? [new OperatorRole(this, plan.api)] : []),
    ];
  }

  get errors(): string[] {
    return this.history.errors;
  }

  get clientHosts(): readonly string[] {
    return this.roles.map(({ host }) => host);
  }

  /** Makes this the simulation whose world is in force, and that records the calls of handlers. Returns a function that ends this. */
  enter(): () => void {
    const leave = enter(this.world, this.network);
    const ledgers = globalThis as { [key: symbol]: unknown };
    ledgers[Symbol.for('mq simulation')] = this;
    return () => {
      leave();
      ledgers[Symbol.for('mq simulation')] = undefined;
    };
  }

  async run(): Promise<Result> {
    const { world, plan } = this;
    const leave = this.enter();
    const violations: string[] = [];
    try {
      await this.#phases();
      violations.push(...violationsOf(this));
    } catch (error) {
      if (!(error instanceof EndlessLoop)) throw error;
      violations.push(`endless loop: ${error.message}`);
    } finally {
      this.network.dispose();
      await new Promise((resolve) => setImmediate(resolve));
      leave();
    }
    return { plan, violations, hash: world.trace.hash, steps: world.steps, virtualMs: world.now };
  }

  /** Called by the handlers that are modules, when they begin. */
  begin(received: Received): void {
    const { owner } = this.world;
    if (owner) this.overlaps.begin(owner, received);
  }

  /** Called by the handlers. Returns false if their process has been killed, so that they have no effect. */
  record(received: Received, way: string): boolean {
    const { world } = this;
    const { owner } = world;
    if (owner) this.overlaps.end(owner, received);
    let hasHappened = false;
    world.effect(owner, () => {
      hasHappened = true;
      this.#handle(received, way);
    });
    return hasHappened;
  }

  #handle(received: Received, way: string): void {
    const { text: body, attempt } = received;
    const { world } = this;
    const { owner } = world;
    const slot = this.roles.findIndex(({ name }) => owner?.name.startsWith(name));
    const role = this.roles[slot];
    const { history } = role ?? this;
    world.trace.add(world.now, `${owner?.name} handles ${body.slice(0, 60)} attempt ${attempt}: ${way}`);
    history.runs.push({ body, way, at: world.now });
    const excess = history.errors.length === 0 ? excessOf(this) : undefined;
    if (excess !== undefined) history.errors.push(excess);
    if (role) role.handled += 1;
    if (role?.mayReceive(body) === false) history.errors.push(`${role.name} received from another queue: ${body}`);
    if (role && way === 'ack') role.acked += 1;
    const redelivered = isAgain(received) || (owner instanceof Child && owner.isOrphan);
    if (way === 'ack') history.effects.push({ body, slot, redelivered, attempt, at: world.now });
    role?.onHandled(received, way);
    const { messageId } = received.properties;
    if (messageId !== undefined) this.bodies.set(messageId, body);
  }

  /** Called when a program has read a message, which it may never record, because mq ends it. */
  read({ text, properties: { messageId } }: Received): void {
    if (messageId !== undefined) this.bodies.set(messageId, text);
  }

  /** Ends a role after a number of its events. A role that has ended is started again. */
  endRole(target: number, events: number, signal: 'SIGKILL' | Signal): undefined {
    const role = this.roles[target % this.roles.length];
    const { process } = role ?? {};
    if (process) this.world.afterEvents(process, events, () => role?.end(signal));
  }

  /** Sends two or three signals to a role, the later ones while it drains. */
  signalRole(target: number, events: number): undefined {
    const gap = (target >> 2) % 50;
    const third = target % 3 === 0 ? 1 : 0;
    for (let count = 0; count < 2 + third; count += 1)
      this.endRole(target, events + count * gap, (target >> count) % 2 === 0 ? 'SIGTERM' : 'SIGINT');
  }

  /** Kills a role before or after one of its effects, inside an event. */
  killAtEffect(target: number, effects: number): undefined {
    const role = this.roles[target % this.roles.length];
    const { process } = role ?? {};
    const when = target % 3 === 0 ? 'begun' : 'ended';
    if (process) this.world.afterEffects(process, effects, { when, run: () => process.kill() });
  }

  /** Starts the broker and the roles. Calls `onStart` when the roles start. */
  start(onStart: () => void = () => undefined): void {
    this.broker.start();
    const startRoles = () => {
      // A role starts one millisecond after the one before it.
      for (const [index, role] of this.roles.entries()) this.world.later(1 + index, () => role.start());
      onStart();
    };
    const check = () => {
      if (this.broker.isListening) startRoles();
      else this.world.later(1, check);
    };
    if (this.plan.isEarly) startRoles();
    else check();
  }

  async #phases(): Promise<void> {
    const { world, plan } = this;
    let last = Number.POSITIVE_INFINITY;
    this.start(() => {
      last = world.now + Math.max(0, ...plan.faults.map(({ at, holdMs }) => at + holdMs));
      for (const fault of plan.faults) world.later(fault.at, () => inject(this, fault));
    });
    await this.#until(() => last < Number.POSITIVE_INFINITY, startMs);
    await this.#until(() => world.now > last + 1, last + heldMs);
    this.healthySince = world.now;
    // A role with --idle or --count may handle one message of many in each of its processes, on a slow network.
    await world.run(() => this.#isDone() || world.now >= this.#lastProgress + settleMs, mostSteps);
    for (const role of this.roles)
      if (role instanceof PublisherRole && !role.isFinished)
        this.errors.push(`${role.name} has not published its messages: it has waited since the last fault`);
    if (this.mover?.isFinished === false) this.errors.push('mq record and mq replay have not moved the messages');
    if (this.replacement?.isFinished === false) this.errors.push('mq apply has not replaced the queue');
    await this.#end();
  }

  get #lastProgress(): number {
    return Math.max(this.healthySince, this.history.effects.at(-1)?.at ?? 0, this.stream?.lastAt ?? 0);
  }

  #isDone(): boolean {
    const { history } = this;
    if (!this.roles.every(({ isSender, isFinished }) => isFinished || !isSender)) return false;
    if (this.roles.some((role) => role instanceof CommandRole && role.process === undefined)) return false;
    const { current } = this.broker;
    if (current === undefined) return false;
    for (const vhost of current.vhosts.values())
      for (const queue of vhost.queues.values())
        if (mustBecomeEmpty(queue.name) && queue.totals.bytes > 0) return false;
    return this.stream?.isDone !== false && history.attempted.size > 0;
  }

  /** Sends SIGTERM to all roles, and waits for their ends. */
  async #end(): Promise<void> {
    const { world } = this;
    for (const role of this.roles) {
      role.isFinished = true;
      role.end('SIGTERM');
    }
    const isOver = () => this.roles.every(({ process }) => process === undefined || process.end !== undefined);
    await this.#until(isOver, world.now + 60_000);
    // The broker notices the end of a connection by its FIN, or by the missing heartbeats.
    // A broker that has lost power just now must start again, because its queues are read.
    const isClosed = () => this.broker.current?.connections.size === 0;
    await this.#until(isClosed, world.now + closedMs + 3000 * this.plan.heartbeat);
    if (this.broker.current === undefined) this.errors.push('the broker has not started again');
    if (this.stream) {
      this.stream.finish();
      await this.#until(() => false, world.now + deletedMs);
    }
    for (const { process, name } of this.roles)
      if (process && !process.end) this.errors.push(`${name} did not end within 60 s of SIGTERM`);
  }

  #until(isDone: () => boolean, deadline: number): Promise<void> {
    const { world } = this;
    return world.run(() => isDone() || world.now >= deadline, mostSteps);
  }
}
