// A publisher and two receivers on a simulated cluster with faults.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cli } from '../../../src/cli/cli.ts';
import { enter } from '../world/globals.ts';
import { Network } from '../world/network.ts';
import { preload } from '../world/preload.ts';
import { SimulatedProcess } from '../world/process.ts';
import { Trace } from '../world/trace.ts';
import { World } from '../world/world.ts';
import { Cluster } from './cluster.ts';
import type { RabbitmqFault } from './faults.ts';

export interface Injection {
  readonly fault: RabbitmqFault;
  /** Virtual time in milliseconds. */
  readonly at: number;
  readonly holdMs: number;
}

export interface TrialOptions {
  readonly seed: number;
  /** Default: no fault. */
  readonly injections?: readonly Injection[];
  readonly queueType?: 'classic' | 'quorum';
  /** Time that a receiver needs for a message, in virtual seconds. Default: 2. */
  readonly handlerSeconds?: number;
  readonly print?: (line: string) => void;
}

export interface TrialResult {
  /** Body → outcome that the publisher reported. */
  readonly outcomes: ReadonlyMap<string, string>;
  /** The bodies that the receivers have handled, in order. */
  readonly handled: readonly string[];
  /** Number of redeliveries by the broker. */
  readonly redelivered: number;
  /** Longest virtual time between the input of a message and its outcome, in milliseconds. */
  readonly slowestMs: number;
  readonly publisherStatus: number | undefined;
  readonly receiverStatuses: readonly (number | undefined)[];
  readonly stderr: string;
  /** Virtual time at which all messages were settled, in milliseconds. */
  readonly doneAt: number;
  readonly hash: string;
}

const messageCount = 50;
const everyMs = 100;
const latestMs = 600_000;
const mostSteps = 400_000;

let loaded: Promise<void> | undefined;

class Trial {
  readonly #options: TrialOptions;
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #publisher: SimulatedProcess;
  readonly #receivers: readonly SimulatedProcess[];
  /** Virtual time of each outcome. */
  readonly #reportedAt: number[] = [];
  /** The output of each role on stdout. */
  readonly #printed = new Map<string, string>();
  #endedFaults = 0;

  constructor(options: TrialOptions, configFile: string) {
    this.#options = options;
    this.#world = new World(options.seed, new Trace(options.print));
    const network = new Network(this.#world);
    this.#cluster = new Cluster(network);
    const role = (index: number, ...args: string[]) => {
      // The path is not an argument, because the trace contains the arguments.
      const env = { MQ_CONFIG: configFile, MQ_URL: this.#cluster.urlFrom(index) };
      const onStdout = (text: string) => {
        this.#printed.set(name, (this.#printed.get(name) ?? '') + text);
        if (index === 0) this.#reportedAt.push(this.#world.now);
      };
      const name = `${args[0]} ${index}`;
      return new SimulatedProcess(network, { name, host: `c${index}`, args, env, onStdout });
    };
    this.#publisher = role(0, 'send', '--json', '--lines');
    this.#receivers = [role(1, 'receive', '--json'), role(2, 'receive', '--json')];
  }

  /** Runs until all messages are settled, and then ends the receivers. */
  async run(): Promise<TrialResult> {
    const world = this.#world;
    const leave = enter(world, this.#cluster.network);
    try {
      this.#cluster.start({ heartbeatSeconds: 10 });
      world.later(5, () => {
        for (const role of [this.#publisher, ...this.#receivers]) role.start(cli);
      });
      this.#plan();
      await world.run(() => this.#isDone() || world.now > latestMs, mostSteps);
      const doneAt = world.now;
      for (const receiver of this.#receivers) receiver.signal('SIGTERM');
      await world.run(() => this.#receivers.every(({ end }) => end) || world.now > doneAt + 60_000, mostSteps);
      return this.#result(doneAt);
    } finally {
      leave();
    }
  }

  #plan(): void {
    const world = this.#world;
    for (let index = 0; index < messageCount; index++)
      world.later(publishedAt(index), () => this.#publisher.input(`${this.#bodyOf(index)}\n`));
    world.later(publishedAt(messageCount), () => this.#publisher.input(undefined));
    for (const injection of this.#options.injections ?? []) world.later(injection.at, () => this.#inject(injection));
  }

  #bodyOf(index: number): string {
    return `m${index}${'.'.repeat(this.#options.handlerSeconds ?? 2)}`;
  }

  #inject({ fault, holdMs }: Injection): void {
    const world = this.#world;
    world.trace.add(world.now, `fault: ${fault.name}`);
    const undo = fault.inject(this.#cluster, world.random, holdMs);
    world.later(holdMs, () => {
      world.trace.add(world.now, `end of the fault: ${fault.name}`);
      undo?.();
      this.#endedFaults += 1;
    });
  }

  /** Returns the objects that a role has printed. */
  #records({ name }: SimulatedProcess): Record<string, unknown>[] {
    const lines = (this.#printed.get(name) ?? '').split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
  }

  #isDone(): boolean {
    const queues = this.#cluster.broker?.vhosts.get('/')?.queues.values() ?? [];
    if (this.#endedFaults < (this.#options.injections?.length ?? 0)) return false;
    return this.#publisher.end !== undefined && [...queues].every(({ totals }) => totals.bytes === 0);
  }

  #result(doneAt: number): TrialResult {
    const outcomes = this.#records(this.#publisher).map(
      ({ number, outcome }) => [this.#bodyOf(Number(number) - 1), String(outcome)] as const,
    );
    return {
      outcomes: new Map(outcomes),
      handled: this.#receivers.flatMap((one) => this.#records(one)).map(({ body }) => String(body)),
      redelivered: this.#cluster.broker?.vhosts.get('/')?.counters.redeliver ?? 0,
      slowestMs: Math.max(...this.#reportedAt.map((at, index) => at - publishedAt(index))),
      publisherStatus: this.#publisher.end?.status,
      receiverStatuses: this.#receivers.map(({ end }) => end?.status),
      stderr: [this.#publisher, ...this.#receivers].map(({ stderr }) => stderr).join(''),
      doneAt,
      hash: this.#world.trace.hash,
    };
  }
}

function publishedAt(index: number): number {
  return 1000 + index * everyMs;
}

/** Runs a trial with a configuration in a temporary folder. */
export async function runTrial(options: TrialOptions): Promise<TrialResult> {
  loaded ??= preload();
  await loaded;
  const folder = mkdtempSync(join(tmpdir(), 'mq-rabbitmq-'));
  try {
    const configFile = join(folder, 'rascal.json');
    writeFileSync(configFile, JSON.stringify(configuration(options.queueType ?? 'quorum')));
    return await new Trial(options, configFile).run();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function configuration(type: string) {
  return {
    vhosts: { '/': { queues: { work: { options: { arguments: { 'x-queue-type': type } } } } } },
    publications: { work: { queue: 'work' } },
    subscriptions: { work: { queue: 'work', prefetch: 5 } },
    mq: {
      roles: {
        send: { publish: 'work' },
        receive: { consume: 'work', handler: { builtin: 'work' } },
      },
    },
  };
}
