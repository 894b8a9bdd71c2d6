// Consumers and repliers, with handlers of all kinds, which stop at a signal or when their work is done.

import type { HandlerKind } from './features.ts';
import { laneName, mayReceive } from './lanes.ts';
import type { Received } from './message.ts';
import type { PlannedConsumer } from './plan.ts';
import { commandOf, linesOf } from './programs.ts';
import { Role } from './roles.ts';
import type { Simulation } from './simulation.ts';
import type { Program } from './world/child.ts';
import type { SimulatedProcess } from './world/process.ts';

/** A program that exists on every machine. The world runs its own function instead. */
const program = ['/bin/sh', '-c', 'simulated'];

/** A line of --log json. */
interface LogLine {
  readonly event?: string;
  readonly messageId?: string;
  readonly attempt?: number;
  readonly message?: string;
}

/** Milliseconds after which a program that starts slowly has read its input. */
const longestStartMs = 1000;

const failuresAfterEffects = /did not end within|the reply cannot be sent: the broker refused/;

type Kind = 'consumer' | 'replier' | 'reader';

export class ReceivingRole extends Role {
  readonly #plan: PlannedConsumer;
  readonly #words: readonly string[];
  readonly #kind: Kind;
  /** Virtual times at which its programs have read a message, by its id and attempt. */
  readonly #readAt = new Map<string, number>();
  /** Number of processes that have ended. */
  #ends = 0;

  /** @param words the words of the command line before the options that all kinds have */
  constructor(simulation: Simulation, plan: PlannedConsumer, kind: Kind, words = wordsOf(plan, kind)) {
    super(simulation, `${kind} ${plan.host}`, plan.host);
    this.#plan = plan;
    this.#kind = kind;
    this.#words = words;
  }

  protected get onFail(): string {
    return this.simulation.plan.onFail;
  }

  /** A queue with consumers is not replaced. */
  override get isPaused(): boolean {
    return this.#kind === 'consumer' && this.simulation.replacement?.isRunning === true;
  }

  /** Returns whether the message may arrive at its queues. */
  override mayReceive(body: string): boolean {
    return this.#kind !== 'consumer' || mayReceive(this.#plan, this.simulation.plan.publishers, body);
  }

  override get drainMs(): number {
    return this.#plan.drainMs;
  }

  protected override get canCutOff(): boolean {
    return this.#plan.stop?.maxTimeMs !== undefined;
  }

  override get mostHandedBack(): number {
    const { prefetch } = this.#plan;
    return this.canCutOff || this.simulation.plan.onFail === 'exit'
      ? this.#ends * prefetch * (this.#plan.lanes?.length ?? 1)
      : 0;
  }

  /** A role that stops by itself is started again at intervals, as by cron. Starts are the most expensive part of a run. */
  protected override get restartMs(): number {
    const { count, idleMs, maxTimeMs, untilEmpty } = this.#plan.stop ?? {};
    if (count !== undefined) return 5000;
    return (idleMs ?? maxTimeMs ?? untilEmpty) === undefined ? super.restartMs : 20_000;
  }

  start(): void {
    const { prefetch, concurrency, drainMs, batch } = this.#plan;
    const { plan, broker } = this.simulation;
    const before = this.handled;
    const acksBefore = this.acked;
    const isBrokerUp = broker.current !== undefined;
    const isDropping = this.onFail === 'drop';
    const started = this.run(
      [
        ...[...this.#words, '--prefetch', String(prefetch), '--concurrency', String(concurrency)],
        ...['--drain', `${drainMs}ms`, '--on-fail', this.onFail, '--handler-timeout', `${plan.handlerTimeoutMs}ms`],
        ...(batch === undefined ? [] : ['--batch', String(batch), '--batch-wait', '50ms']),
        ...(isDropping ? ['--log', 'json'] : []),
        ...this.#stop(),
        ...handlerWords(this.#plan.handler ?? 'module', this.simulation),
      ],
      { onLine: () => undefined, ...(isDropping && { onErrorLine: (line: string) => this.#readLog(line) }) },
    );
    started.onEnd(() => {
      this.#ends += 1;
      // A role that starts before the broker has opened its store ends with 69.
      if (isBrokerUp) this.#checkCount(started, before);
      this.#checkSummary(started, this.acked - acksBefore);
    });
  }

  protected override program(): Program {
    const { handler, quirks = [] } = this.#plan;
    const { simulation } = this;
    const record = (...args: Parameters<Simulation['record']>) => void simulation.record(...args);
    const onRead = (received: Received) => {
      const { attempt, properties } = received;
      this.#readAt.set(`${properties.messageId} ${attempt}`, simulation.world.now);
      simulation.read(received);
    };
    const plan = { quirks, onRead, record, isReply: this.#kind === 'replier' };
    return handler === 'exec' ? commandOf(plan) : linesOf(plan);
  }

  #stop(): readonly string[] {
    const { count, idleMs, maxTimeMs, untilEmpty } = this.#plan.stop ?? {};
    return [
      ...(count === undefined ? [] : ['--count', String(count)]),
      ...(idleMs === undefined ? [] : ['--idle', `${idleMs}ms`]),
      ...(maxTimeMs === undefined ? [] : ['--max-time', `${maxTimeMs}ms`]),
      ...(untilEmpty ? ['--until-empty'] : []),
    ];
  }

  /** Records the messages that mq reports as dropped. */
  #readLog(line: string): void {
    const { history, bodies } = this.simulation;
    const { event, messageId = '', attempt, message } = JSON.parse(line) as LogLine;
    if (event !== 'drop') return;
    const body = bodies.get(messageId);
    if (body === undefined)
      history.errors.push(`${this.name} dropped a message that no handler received: ${messageId}`);
    else history.dropped.push(body);
    this.#checkTime(`${messageId} ${attempt}`, message);
    // A handler can have its effect just before its time limit, and before its reply is refused.
    if (body !== undefined && failuresAfterEffects.test(message ?? '')) this.simulation.late.add(body);
  }

  /** A program that reaches its time limit must have had half of it, apart from its start (handlers.md). */
  #checkTime(idAndAttempt: string, reason = ''): void {
    const { history, plan, world } = this.simulation;
    const ms = world.now - (this.#readAt.get(idAndAttempt) ?? 0);
    if (reason.includes('did not end within') && ms < plan.handlerTimeoutMs / 2 - longestStartMs)
      history.errors.push(`${this.name} dropped a message whose program had only ${Math.round(ms)} ms`);
  }

  /** Without faults, a role reports each message as acknowledged that its handler has acknowledged. */
  #checkSummary({ end, stderr }: SimulatedProcess, acked: number): void {
    const { history } = this;
    if (this.simulation.plan.faults.length > 0 || end?.status !== 0 || this.#plan.stop?.maxTimeMs !== undefined) return;
    // The summary leaves out the numbers that are 0.
    const summary = /messages: \d+ received.*/.exec(stderr)?.[0];
    if (summary === undefined) return;
    const reported = Number(/(\d+) acknowledged/.exec(summary)?.[1] ?? 0);
    if (reported !== acked)
      history.errors.push(`${this.name} reported ${reported} messages as acknowledged, and not ${acked}`);
  }

  /** Without faults, a role with --count handles this number of messages. */
  #checkCount({ end, name }: SimulatedProcess, before: number): void {
    // A stream counts a message once, although it is handled again in the same process.
    if (this.#kind === 'reader') return;
    const { plan, history } = this.simulation;
    const { stop, batch } = this.#plan;
    if (stop?.count === undefined || batch !== undefined || plan.faults.length > 0 || plan.native) return;
    if (plan.onFail === 'exit' || plan.replacement) return;
    const handled = this.handled - before;
    const isWrong = this.isFinished ? handled > stop.count : handled !== stop.count || end?.status !== 0;
    if (isWrong) history.errors.push(`${name} ended with ${end?.status} after ${handled} of ${stop.count} messages`);
  }
}

function wordsOf({ lanes = [0] }: PlannedConsumer, kind: Kind): readonly string[] {
  return kind === 'replier' ? ['reply', 'rpc'] : ['subscribe', ...lanes.map(laneName)];
}

function handlerWords(kind: HandlerKind, { handlerFile }: Simulation): readonly string[] {
  switch (kind) {
    case 'module':
      return ['--handler', handlerFile];
    case 'exec':
      return ['--exec', ...program];
    case 'lines':
      return ['--exec-lines', ...program];
  }
}
