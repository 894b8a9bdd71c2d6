// The roles of a simulation: publishers that read planned messages, and consumers with the planned handler. A role that has
// ended although it should run is started again, as by a service manager.

import { cli } from '../../src/cli/cli.ts';
import type { SenderOutcome } from '../faults/history.ts';
import { misuseIn } from './invariants.ts';
import type { PlannedConsumer, PlannedMessage, PlannedPublisher } from './plan.ts';
import type { Simulation } from './simulation.ts';
import { SimulatedProcess } from './world/process.ts';

/** Milliseconds after which a service manager starts a role again. */
const restartMs = 1000;
/** Milliseconds after the last fault in which a role may still report its effects. */
const latestMs = 120_000;
/** Statuses with which a role may end because of a fault: a message is returned, the broker is away at the start, the outcome is in doubt. */
const endsByFaults = new Set([0, 67, 69, 75, 76, 143]);

export function bodyOf({ id, ways, ms, bytes }: PlannedMessage): string {
  return `${id} ${ways.join(',')} ${ms} ${'x'.repeat(bytes)}`;
}

export abstract class Role {
  readonly name: string;
  readonly host: string;
  process: SimulatedProcess | undefined;
  /** True if no more processes are started. */
  isFinished = false;
  protected readonly simulation: Simulation;
  #count = 0;

  constructor(simulation: Simulation, name: string, host: string) {
    this.simulation = simulation;
    this.name = name;
    this.host = host;
  }

  abstract start(): void;

  freeze(ms: number): void {
    if (this.process) this.process.frozenUntil = this.simulation.world.now + ms;
  }

  setClock(ms: number): void {
    if (this.process) this.process.clockSkewMs = ms;
  }

  end(signal: 'SIGKILL' | 'SIGTERM'): void {
    if (signal === 'SIGKILL') this.process?.kill();
    else this.process?.signal(signal);
  }

  protected run(args: readonly string[], onLine: (line: string) => void): SimulatedProcess {
    const { network, configFile, broker, roles, world, errors } = this.simulation;
    let rest = '';
    const started = new SimulatedProcess(network, {
      name: this.name,
      host: this.host,
      args: [...args, '--config', configFile, '--url', broker.urlOf(roles.indexOf(this))],
      onStdout: (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) onLine(line);
      },
    });
    this.#count += 1;
    this.process = started;
    started.onEnd(() => {
      const status = started.end?.status;
      if (status !== undefined && !endsByFaults.has(status))
        errors.push(`${this.name} ended with ${status}: ${started.stderr.trim().split('\n').slice(-3).join(' | ')}`);
      const misuse = misuseIn(started.stderr);
      if (misuse !== undefined) errors.push(`${this.name} violated the protocol: ${misuse}`);
      world.later(restartMs, () => {
        if (this.process === started && !this.isFinished) this.start();
      });
    });
    return started.start(cli);
  }
}

/** The settings of a publisher, and the source of its messages. */
type PublisherPlan = Omit<PlannedPublisher, 'messages'> & {
  /** Returns the message with this index, or `undefined` at the end. */
  readonly messageAt: (index: number) => PlannedMessage | undefined;
};

export class PublisherRole extends Role {
  readonly #plan: PublisherPlan;
  /** Number of messages that were written. */
  #written = 0;

  constructor(simulation: Simulation, plan: PublisherPlan) {
    super(simulation, `publisher ${plan.host}`, plan.host);
    this.#plan = plan;
  }

  start(): void {
    const { history, world } = this.simulation;
    /** Bodies without an outcome, by the number of their line. */
    const bodies = new Map<number, string>();
    let count = 0;
    const args = ['publish', 'work', '--lines', '--json', '--window', String(this.#plan.window), '--timeout', '600'];
    const started = this.run(args, (line) => {
      const { number, outcome } = JSON.parse(line) as { number: number; outcome: SenderOutcome };
      const body = bodies.get(number);
      bodies.delete(number);
      if (body === undefined)
        history.errors.push(`${this.name} reported an outcome twice or without a message: ${line}`);
      else history.outcomes.set(body, outcome);
      // A process that has ended in the meantime is not the reason, because it reports nothing.
      if (outcome !== 'confirmed' && world.now > this.simulation.healthySince + latestMs)
        history.errors.push(`${this.name} reported '${outcome}' without a fault: ${line}`);
    });
    const { messageAt, everyMs } = this.#plan;
    const write = () => {
      if (started.end) return;
      const message = messageAt(this.#written);
      if (message === undefined) return void started.stdin.end();
      const body = bodyOf(message);
      this.#written += 1;
      bodies.set(++count, body);
      history.attempted.set(body, world.now);
      started.stdin.write(`${body}\n`);
      if (everyMs === 0) write();
      else world.later(everyMs, write);
    };
    world.later(1, write);
    started.onEnd(() => {
      if (started.end?.status === 0 && bodies.size > 0)
        history.errors.push(`${this.name} ended with 0 and reported no outcome of ${bodies.size} messages`);
      for (const body of bodies.values()) history.cutOff.add(body);
      if (messageAt(this.#written) === undefined) this.isFinished = true;
    });
  }
}

export class ConsumerRole extends Role {
  readonly #plan: PlannedConsumer;

  constructor(simulation: Simulation, plan: PlannedConsumer) {
    super(simulation, `consumer ${plan.host}`, plan.host);
    this.#plan = plan;
  }

  start(): void {
    const { prefetch, concurrency, drainMs } = this.#plan;
    const { handlerFile, plan } = this.simulation;
    this.run(
      [
        ...['subscribe', 'work', '--prefetch', String(prefetch), '--concurrency', String(concurrency)],
        ...['--drain', `${drainMs}ms`, '--on-fail', plan.onFail, '--handler-timeout', `${plan.handlerTimeoutMs}ms`],
        ...['--handler', handlerFile],
      ],
      () => undefined,
    );
  }
}
