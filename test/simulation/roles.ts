// A role of a simulation: a command line of mq that is started again when it has ended, as by a service manager.

import { cli } from '../../src/cli/cli.ts';
import { exitStatuses } from '../../src/errors.ts';
import type { History } from '../faults/history.ts';
import { misuseIn } from './invariants.ts';
import type { Received } from './message.ts';
import type { Simulation } from './simulation.ts';
import { statusesOf } from './statuses.ts';
import type { Program } from './world/child.ts';
import { type Signal, SimulatedProcess } from './world/process.ts';

/**
 * Milliseconds that a role may need after its drain time (handlers.md): one second for the handlers that it has ended
 * (intake.ts), one for the messages that it returns (returns.ts), and five for the close of its connections (connections.ts).
 */
const closeMs = 7000;
/** Milliseconds by which these waits may be longer together, because each begins some events after the end of the one before. */
const lateMs = 100;
/** Default of --drain. */
const usualDrainMs = 25_000;

interface Listeners {
  readonly onLine: (line: string) => void;
  readonly onErrorLine?: (line: string) => void;
}

export abstract class Role {
  readonly name: string;
  readonly host: string;
  process: SimulatedProcess | undefined;
  /** True if no more processes are started. */
  isFinished = false;
  /** Number of messages that its handlers have received. */
  handled = 0;
  /** Number of messages that its handlers have acknowledged. */
  acked = 0;
  /** True if one of its processes has lost a connection. */
  hasConnectedAgain = false;
  /** True after a nack that came so late that the messages before it were sent again (reliability.md). */
  hasLateNack = false;
  /** True for a role that must have sent all its input before a run is done. */
  readonly isSender: boolean = false;
  /** True for a role that uses the topology that others have declared. */
  protected readonly declaresNothing: boolean = false;
  /** Queues that it uses. */
  protected readonly usedQueues: readonly string[] = ['work'];
  protected readonly simulation: Simulation;
  /** True if the topology was declared before the process started. */
  #wasDeclared = false;

  constructor(simulation: Simulation, name: string, host: string) {
    this.simulation = simulation;
    this.name = name;
    this.host = host;
  }

  abstract start(): void;

  /** True while no process is started, because the queue is replaced. */
  get isPaused(): boolean {
    return false;
  }

  /** The history that records its messages. */
  get history(): History {
    return this.simulation.history;
  }

  /** Called when its handler has handled a message. */
  onHandled(_received: Received, _way: string): void {}

  /** Returns whether it has published a message with this body. */
  hasSent(_body: string): boolean {
    return false;
  }

  /** Returns whether its handler may receive this body. */
  mayReceive(_body: string): boolean {
    return true;
  }

  protected get configFile(): string {
    return this.simulation.configFile;
  }

  /** The documented statuses with which it may end after it has received these signals. */
  protected statusesAfter(signals: readonly Signal[]): ReadonlySet<number> {
    return statusesOf(this.simulation.plan, signals);
  }

  /** Milliseconds within which the role must finish its work after SIGTERM. */
  get drainMs(): number {
    return usualDrainMs;
  }

  /** Milliseconds after which a service manager starts the role again. */
  protected get restartMs(): number {
    return 1000;
  }

  /** True if its drain time can end before a handler that has had its effect, although it ends with 0. */
  protected get canCutOff(): boolean {
    return false;
  }

  /** Most messages that it has handed back after their effects, because it ended by itself. */
  get mostHandedBack(): number {
    return 0;
  }

  freeze(ms: number): void {
    this.process?.freeze(ms);
  }

  setClock(ms: number): void {
    if (this.process) this.process.clockSkewMs = ms;
  }

  /** Sends a signal. The first one begins the drain, the second one ends it, and the third one ends the process (handlers.md). */
  end(signal: 'SIGKILL' | Signal): void {
    const { process } = this;
    if (!process?.isAlive) return;
    if (signal === 'SIGKILL') return void process.kill();
    process.signal(signal);
    const limits = [this.drainMs + closeMs, closeMs];
    this.#checkDrain(process, limits[process.signals.length - 1] ?? 0);
  }

  /** Reports a process that has not ended some time after a signal. The time in which it is frozen does not count. */
  #checkDrain(process: SimulatedProcess, ms: number): void {
    const count = process.signals.length;
    const { world, errors } = this.simulation;
    const begunAt = world.now;
    world.later(ms + lateMs, () => {
      if (process.end) return;
      const wasFrozen = process.frozenUntil > begunAt;
      if (wasFrozen) this.#checkDrain(process, Math.max(0, process.frozenUntil - world.now) + ms);
      else errors.push(`${this.name} did not end within ${ms} ms of signal ${count}`);
    });
  }

  /** A broker that has just started, or has lost what it did not sync, may not have the topology. */
  protected get mayMissTopology(): boolean {
    return this.declaresNothing && !(this.#wasDeclared && this.#isDeclared);
  }

  get #isDeclared(): boolean {
    const vhost = this.simulation.broker.current?.vhosts.get('/');
    return vhost?.exchanges.has('work') === true && this.usedQueues.every((name) => vhost.queues.has(name));
  }

  /** Returns the program of the children. */
  protected program(): Program {
    throw new Error(`${this.name} has no program`);
  }

  protected run(args: readonly string[], { onLine, onErrorLine }: Listeners): SimulatedProcess {
    const { network, broker, roles } = this.simulation;
    const started = new SimulatedProcess(network, {
      name: this.name,
      host: this.host,
      args,
      env: { MQ_CONFIG: this.configFile, MQ_URL: broker.urlOf(roles.indexOf(this)), ...broker.apiEnvironment },
      programOf: () => this.program(),
      onStdout: byLine(onLine),
      ...(onErrorLine && { onStderr: byLine(onErrorLine) }),
    });
    this.process = started;
    this.#wasDeclared = this.#isDeclared;
    started.onEnd(() => {
      this.hasConnectedAgain ||= started.stderr.includes('connecting again');
      this.hasLateNack ||= started.stderr.includes('sent a nack after more than');
      this.#checkStatus(started);
      this.#restart(started);
    });
    return started.start(cli);
  }

  #restart(ended: SimulatedProcess): void {
    this.simulation.world.later(this.restartMs, () => {
      if (this.process !== ended || this.isFinished) return;
      if (this.isPaused) this.#restart(ended);
      else this.start();
    });
  }

  #checkStatus({ end, stderr, signals }: SimulatedProcess): void {
    const { errors } = this.simulation;
    const status = end?.status;
    const isCutOff = signals.length > 0 || this.canCutOff;
    if (status === 0 && !isCutOff && end?.left) errors.push(`${this.name} left ${end.left} at its end`);
    const misuse = misuseIn(stderr);
    if (misuse !== undefined) errors.push(`${this.name} violated the protocol: ${misuse}`);
    if (status === undefined || this.statusesAfter(signals).has(status)) return;
    if (status === exitStatuses.TOPOLOGY && this.mayMissTopology) return;
    errors.push(`${this.name} ended with ${status}: ${stderr.trim().split('\n').slice(-3).join(' | ')}`);
  }
}

/** Returns a function that receives text, and calls `onLine` with each complete line. */
function byLine(onLine: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  };
}
