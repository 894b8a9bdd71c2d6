// Publishers and requesters, which read the planned messages from standard input.

import type { SenderOutcome } from '../faults/history.ts';
import { laneName } from './lanes.ts';
import { bodyOf, type PlannedMessage, replyTo } from './message.ts';
import type { PlannedPublisher, PlannedRequester } from './plan.ts';
import { Role } from './roles.ts';
import type { Simulation } from './simulation.ts';
import type { SimulatedProcess } from './world/process.ts';

/** Returns the message with this index, or `undefined` at the end. */
type MessageAt = (index: number) => PlannedMessage | undefined;

/** Messages of one process. */
interface Sent {
  count: number;
  /** The bodies without an outcome by their numbers, which begin with 1. */
  readonly open: Map<number, string>;
}

/** Milliseconds after the last fault in which a role may still report its effects. */
const latestMs = 120_000;

abstract class SendingRole extends Role {
  override readonly isSender = true;
  readonly #plan: PlannedPublisher;
  /** False if an answer can also be missing for another reason than a fault. */
  protected readonly needsConfirms: boolean = true;
  /** Number of messages that were written. */
  #written = 0;

  readonly #messageAt: MessageAt;

  constructor(
    simulation: Simulation,
    name: string,
    plan: PlannedPublisher,
    messageAt: MessageAt = (index) => plan.messages[index],
  ) {
    super(simulation, name, plan.host);
    this.#plan = plan;
    this.#messageAt = messageAt;
  }

  start(): void {
    const { history } = this;
    const sent: Sent = { count: 0, open: new Map() };
    const onLine = (line: string) => {
      const { number, outcome } = this.read(line, sent.open);
      const body = sent.open.get(number);
      if (body === undefined)
        history.errors.push(`${this.name} reported an outcome twice or without a message: ${line}`);
      else history.outcomes.set(body, outcome);
      sent.open.delete(number);
      this.#checkOutcome(line, outcome);
    };
    const started = this.run([...this.words(), '--lines', '--json', '--window', String(this.#plan.window)], { onLine });
    this.simulation.world.later(1, () => this.#write(started, sent));
    started.onEnd(() => this.#account(started, sent));
  }

  /** Words of the command line before the options that all senders have. */
  protected abstract words(): readonly string[];

  /** Reads a line of stdout. */
  protected abstract read(
    line: string,
    open: Sent['open'],
  ): { readonly number: number; readonly outcome: SenderOutcome };

  /** Checks that a message is confirmed if there is no fault. */
  #checkOutcome(line: string, outcome: SenderOutcome): void {
    const { history } = this;
    const { world, healthySince } = this.simulation;
    if (this.needsConfirms && outcome !== 'confirmed' && world.now > healthySince + latestMs)
      history.errors.push(`${this.name} reported '${outcome}' without a fault: ${line}`);
  }

  #write(started: SimulatedProcess, sent: Sent): void {
    const { history } = this;
    const { world } = this.simulation;
    const { everyMs } = this.#plan;
    for (;;) {
      if (started.end) return;
      const message = this.#messageAt(this.#written);
      if (message === undefined) return void started.input(undefined);
      const body = bodyOf(message);
      this.#written += 1;
      sent.count += 1;
      sent.open.set(sent.count, body);
      history.attempted.set(body, world.now);
      started.input(`${body}\n`);
      if (everyMs > 0) return void world.later(everyMs, () => this.#write(started, sent));
    }
  }

  #account(started: SimulatedProcess, { open }: Sent): void {
    const { history } = this;
    // A soak forgets the messages that it has checked.
    const unreported = [...open.values()].filter((body) => history.attempted.has(body));
    if (started.end?.status === 0 && unreported.length > 0)
      history.errors.push(`${this.name} ended with 0 and reported no outcome of ${unreported.length} messages`);
    for (const body of unreported) history.cutOff.add(body);
    if (this.#messageAt(this.#written) === undefined) this.isFinished = true;
  }
}

export class PublisherRole extends SendingRole {
  /** A delayed message is dead-lettered at least once, so there can be several copies. */
  override hasSent(body: string): boolean {
    return this.#delayMs === undefined && body.startsWith(`${this.#host}-`);
  }

  readonly #delayMs: number | undefined;
  readonly #host: string;
  readonly #lane: number;

  constructor(simulation: Simulation, plan: PlannedPublisher, messageAt?: MessageAt) {
    super(simulation, `publisher ${plan.host}`, plan, messageAt);
    this.#delayMs = plan.delayMs;
    this.#host = plan.host;
    this.#lane = plan.lane ?? 0;
  }

  protected words(): readonly string[] {
    const delay = this.#delayMs === undefined ? [] : ['--delay', `${this.#delayMs}ms`];
    return ['publish', laneName(this.#lane), '--timeout', '600', ...delay];
  }

  protected read(line: string): { number: number; outcome: SenderOutcome } {
    return JSON.parse(line) as { number: number; outcome: SenderOutcome };
  }
}

/** The answer that mq request prints for a request: a reply, or the error that it reports instead. */
interface Answer {
  readonly body?: string;
  readonly error?: string;
  readonly code?: string;
}

/** Codes of requests that no queue has received. A request is unroutable until a replier has declared its queue. */
const refused = new Set(['REFUSED', 'UNROUTABLE']);
/** Codes of requests that may have been handled. */
const inDoubt = new Set(['DEADLINE', 'IN_DOUBT', 'UNAVAILABLE', 'TERMINATED', 'INTERRUPTED']);

export class RequesterRole extends SendingRole {
  protected override readonly needsConfirms = false;
  protected override readonly declaresNothing = true;
  readonly #plan: PlannedRequester;

  constructor(simulation: Simulation, plan: PlannedRequester) {
    super(simulation, `requester ${plan.host}`, plan);
    this.#plan = plan;
  }

  protected words(): readonly string[] {
    const { replyTimeoutMs, ownQueue } = this.#plan;
    return ['request', 'rpc', '--timeout', `${replyTimeoutMs}ms`, ...(ownQueue ? ['--reply-queue'] : [])];
  }

  /** The lines have the order of the requests. */
  protected read(line: string, open: Sent['open']): { number: number; outcome: SenderOutcome } {
    const { errors } = this.simulation;
    const { body: reply, error, code } = JSON.parse(line) as Answer;
    const [[number, body] = [0, undefined]] = open;
    if (code !== undefined) {
      const isRefused = refused.has(code) || (code === 'TOPOLOGY' && this.mayMissTopology);
      if (!isRefused && !inDoubt.has(code)) errors.push(`${this.name} reported ${code}: ${error}`);
      return { number, outcome: isRefused ? 'refused' : 'in doubt' };
    }
    if (body === undefined) return { number, outcome: 'in doubt' };
    if (error === undefined) this.#checkReply(body, reply);
    return { number, outcome: 'confirmed' };
  }

  #checkReply(body: string, reply: string | undefined): void {
    const { errors, history } = this.simulation;
    if (reply !== replyTo(body)) errors.push(`${this.name} received for ${body} the reply ${reply}`);
    if (!history.effects.some((effect) => effect.body === body))
      errors.push(`${this.name} received a reply, but no handler has handled ${body}`);
  }
}
