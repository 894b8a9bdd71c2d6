// A simulated process: a command line of mq, or any other program, with its streams, signals and end.

import { constants } from 'node:os';
import { PassThrough, Writable } from 'node:stream';
import type { Context } from '../../../src/context.ts';
import { Alarms } from './alarms.ts';
import { Children, type Program, type StartError } from './child.ts';
import type { Network } from './network.ts';
import type { Owner, World } from './world.ts';

/** A machine of the network. */
export interface Host {
  readonly name: string;
  /** `false` if the machine is switched off, so that it does not answer at all. */
  isUp: boolean;
}

export type Signal = 'SIGTERM' | 'SIGINT';

export interface ProcessEnd {
  /** `undefined` if the process was killed. */
  readonly status: number | undefined;
  /** Lists the timers, sockets, servers and programs of a process that has returned its status. */
  readonly left?: string;
}

const keptCharacters = 4000;

export interface ProcessOptions {
  readonly name: string;
  /** Name of the machine. */
  readonly host: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Receives each chunk of stdout. */
  readonly onStdout?: (text: string) => void;
  readonly onStderr?: (text: string) => void;
  /** Returns the program of a child process by its arguments. */
  readonly programOf?: (args: readonly string[]) => Program;
}

export class SimulatedProcess implements Owner {
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  isAlive = true;
  #frozenUntil = 0;
  clockSkewMs = 0;
  readonly events = new Alarms();
  readonly effects = { begun: new Alarms(), ended: new Alarms() };
  /** The last characters of stderr. */
  stderr = '';
  end: ProcessEnd | undefined;
  /** Code of the error with which child processes cannot be started now. */
  startError: StartError | undefined;
  readonly children: Children;
  readonly #stdin = new PassThrough();
  readonly #world: World;
  readonly #network: Network;
  readonly #options: ProcessOptions;
  readonly #drain = new AbortController();
  readonly #abandon = new AbortController();
  readonly #stray = Promise.withResolvers<never>();
  readonly #onEnd: (() => void)[] = [];
  /** The signals that were sent, in their order. */
  readonly signals: Signal[] = [];
  #received = 0;

  constructor(network: Network, options: ProcessOptions) {
    this.#world = network.world;
    this.#network = network;
    this.#options = options;
    this.pid = network.newPort();
    this.name = options.name;
    this.host = options.host;
    if (!network.hosts.has(options.host)) network.hosts.set(options.host, { name: options.host, isUp: true });
    network.processes.add(this);
    this.#stray.promise.catch(() => undefined);
    this.children = new Children({
      world: network.world,
      parent: this,
      newPid: () => network.newPort(),
      programOf: (args) => this.#programOf(args),
      startError: () => this.startError,
    });
  }

  /** Starts the program. It ends with the status that `main` returns. */
  start(main: (context: Context) => Promise<number>): this {
    this.#world.trace.add(
      this.#world.now,
      `start ${this.name} ${(this.#options.args ?? []).filter((arg) => !arg.startsWith('/')).join(' ')}`,
    );
    this.#world.after(
      0,
      () => {
        main(this.#context()).then(
          (status) => this.#exit(status),
          (error) => this.onStray(error),
        );
      },
      this,
    );
    return this;
  }

  get frozenUntil(): number {
    return this.#frozenUntil;
  }

  /** Stops it for some time, as SIGSTOP does. A shorter stop in the meantime changes nothing, so that the order of its input stays. */
  freeze(ms: number): void {
    this.#frozenUntil = Math.max(this.#frozenUntil, this.#world.now + ms);
  }

  onEnd(listener: () => void): void {
    if (this.end) listener();
    else this.#onEnd.push(listener);
  }

  onStray(error: unknown): void {
    this.#world.trace.add(
      this.#world.now,
      `${this.name}: uncaught ${error instanceof Error ? error.stack : String(error)}`,
    );
    this.#stray.reject(error);
  }

  /** Writes to standard input. `undefined` ends it. */
  input(text: string | undefined): void {
    this.#world.after(0, () => (text === undefined ? this.#stdin.end() : this.#stdin.write(text)), this);
  }

  /** Sends SIGTERM or SIGINT. */
  signal(signal: Signal): void {
    if (!this.isAlive) return;
    this.signals.push(signal);
    this.#world.trace.add(this.#world.now, `${signal} to ${this.name}`);
    this.#world.after(
      0,
      () => {
        this.#received += 1;
        if (this.#received === 1) this.#drain.abort(signal);
        else if (this.#received === 2) this.#abandon.abort();
        else this.#exit(128 + constants.signals[signal]);
      },
      this,
    );
  }

  /** Ends the process as SIGKILL does. Its kernel closes the sockets. */
  kill(): void {
    if (!this.isAlive) return;
    this.#world.trace.add(this.#world.now, `kill ${this.name}`);
    this.#finish({ status: undefined });
  }

  #exit(status: number): void {
    if (!this.isAlive) return;
    this.#world.trace.add(this.#world.now, `exit ${this.name} ${status}`);
    this.#finish({ status, left: this.#leftovers() });
  }

  /** Describes the timers, sockets, servers and children that keep the process alive. */
  #leftovers(): string {
    const sockets = [...this.#network.sockets].filter(({ owner, writableEnded }) => owner === this && !writableEnded);
    const counts = {
      timers: this.#world.timersOf(this),
      sockets: sockets.length,
      servers: this.#network.serversOf(this.host),
      children: this.children.running,
    };
    return Object.entries(counts)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ');
  }

  #finish(end: ProcessEnd): void {
    this.isAlive = false;
    this.end = end;
    this.children.orphan();
    this.#network.closeServers(this.host);
    this.#network.processes.delete(this);
    this.#world.as(this, () => this.#release());
    for (const each of this.#onEnd.splice(0)) each();
    this.#world.forget(this);
  }

  /**
   * Closes the sockets, as the kernel does. The code of the process learns of it, although it has ended, so that it releases
   * what all runs share: mq keeps its connections in a list, and Node what waits for an AbortSignal.any.
   */
  #release(): void {
    for (const socket of [...this.#network.sockets])
      if (socket.owner === this) socket.vanish(this.#world.random.chance(0.5));
    this.#drain.abort();
    this.#abandon.abort();
  }

  #context(): Context {
    return {
      args: this.#options.args ?? [],
      env: this.#options.env ?? {},
      cwd: '/',
      stdin: () => this.#stdin,
      stdout: this.#output('stdout'),
      stderr: this.#output('stderr'),
      drain: this.#drain.signal,
      abandon: this.#abandon.signal,
      giveUp: () => this.#abandon.abort(),
      stray: this.#stray.promise,
      uid: 0,
      pid: this.pid,
      isAlive: () => false,
      memoryBytes: 1024 ** 3,
      kill: (id, signal) => this.children.kill(id, signal),
      spawn: (file, args, options) => this.children.spawn(file, args, options),
      self: { command: '', args: [] },
    };
  }

  #programOf(args: readonly string[]): Program {
    const { programOf } = this.#options;
    if (programOf === undefined) throw new Error(`${this.name} has no program ${args.join(' ')}`);
    return programOf(args);
  }

  #output(name: 'stdout' | 'stderr'): Writable {
    const on = name === 'stdout' ? this.#options.onStdout : this.#options.onStderr;
    return new Writable({
      write: (chunk: Buffer, _encoding, next) => {
        const text = String(chunk);
        this.#world.effect(this, () => {
          if (name === 'stderr') this.stderr = (this.stderr + text).slice(-keptCharacters);
          this.#world.trace.add(this.#world.now, `${this.name} ${name}: ${text.trimEnd()}`);
          on?.(text);
          next();
        });
      },
    });
  }
}
