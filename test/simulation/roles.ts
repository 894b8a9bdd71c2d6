// The roles of a simulation: publishers that read planned messages, and consumers with the planned handler. A role that has
// ended although it should run is started again, as by a service manager.

import { cli } from '../../src/cli/cli.ts';
import type { SenderOutcome } from '../faults/history.ts';
import { bodyOf } from './message.ts';
import type { PlannedConsumer, PlannedPublisher } from './plan.ts';
import { commandOf, linesOf } from './programs.ts';
import type { Simulation } from './simulation.ts';
import { statusesOf } from './statuses.ts';
import type { Program } from './world/child.ts';
import { SimulatedProcess } from './world/process.ts';

/** Milliseconds after which a service manager starts a role again. */
const restartMs = 1000;

/** A program that exists on every machine. The world runs its own function instead. */
const program = ['/bin/sh', '-c', 'simulated'];

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

  /** Returns the program of the children. */
  protected program(): Program {
    throw new Error(`${this.name} has no program`);
  }

  protected run(args: readonly string[], onLine: (line: string) => void): SimulatedProcess {
    const { network, configFile, url, world, errors, plan } = this.simulation;
    const statuses = statusesOf(plan);
    let rest = '';
    const started = new SimulatedProcess(network, {
      name: this.name,
      host: this.host,
      // The words after --exec belong to its command.
      args: [args[0] ?? '', '--config', configFile, '--url', url, ...args.slice(1)],
      programOf: () => this.program(),
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
      if (status !== undefined && !statuses.has(status))
        errors.push(`${this.name} ended with ${status}: ${started.stderr.trim().split('\n').slice(-3).join(' | ')}`);
      world.later(restartMs, () => {
        if (this.process === started && !this.isFinished) this.start();
      });
    });
    return started.start(cli);
  }
}

export class PublisherRole extends Role {
  readonly #plan: PlannedPublisher;
  /** Number of messages that were written. */
  #written = 0;

  constructor(simulation: Simulation, plan: PlannedPublisher) {
    super(simulation, `publisher ${plan.host}`, plan.host);
    this.#plan = plan;
  }

  start(): void {
    const { history, world } = this.simulation;
    const bodies: string[] = [];
    const args = ['publish', 'work', '--lines', '--json', '--window', String(this.#plan.window), '--timeout', '600'];
    const started = this.run(args, (line) => {
      const { number, outcome } = JSON.parse(line) as { number: number; outcome: SenderOutcome };
      const body = bodies[number - 1];
      if (body === undefined || history.outcomes.has(body))
        history.errors.push(`${this.name} reported an outcome twice or without a message: ${line}`);
      else history.outcomes.set(body, outcome);
    });
    const { messages, everyMs } = this.#plan;
    const write = () => {
      if (started.end) return;
      const message = messages[this.#written];
      if (message === undefined) return void started.stdin.end();
      const body = bodyOf(message);
      this.#written += 1;
      bodies.push(body);
      history.attempted.set(body, world.now);
      started.stdin.write(`${body}\n`);
      if (everyMs === 0) write();
      else world.later(everyMs, write);
    };
    world.later(1, write);
    started.onEnd(() => {
      const unreported = bodies.filter((body) => !history.outcomes.has(body));
      if (started.end?.status === 0 && unreported.length > 0)
        history.errors.push(`${this.name} ended with 0 and reported no outcome of ${unreported.length} messages`);
      for (const body of unreported) history.cutOff.add(body);
      if (this.#written === messages.length) this.isFinished = true;
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
    const { prefetch, concurrency, drainMs, batch } = this.#plan;
    const { plan } = this.simulation;
    this.run(
      [
        ...['subscribe', 'work', '--prefetch', String(prefetch), '--concurrency', String(concurrency)],
        ...['--drain', `${drainMs}ms`, '--on-fail', plan.onFail, '--handler-timeout', `${plan.handlerTimeoutMs}ms`],
        ...(batch === undefined ? [] : ['--batch', String(batch), '--batch-wait', '50ms']),
        ...this.#handler(),
      ],
      () => undefined,
    );
  }

  protected override program(): Program {
    const { handler, quirks = [] } = this.#plan;
    const { simulation } = this;
    const plan = { quirks, record: (...args: Parameters<Simulation['record']>) => void simulation.record(...args) };
    return handler === 'exec' ? commandOf(plan) : linesOf(plan);
  }

  #handler(): readonly string[] {
    switch (this.#plan.handler ?? 'module') {
      case 'module':
        return ['--handler', this.simulation.handlerFile];
      case 'exec':
        return ['--exec', ...program];
      case 'lines':
        return ['--exec-lines', ...program];
    }
  }
}
