// The replacement of the queue `work` by `mq apply --replace`, as a user makes it: stops the consumers, runs mq apply until it
// succeeds, and starts the consumers again with the new configuration. Publishers work all the time.

import { type ErrorCode, exitStatuses } from '../../src/errors.ts';
import { configurationFile, type QueueChange } from './configuration.ts';
import type { Plan } from './plan.ts';
import { Role } from './roles.ts';
import type { Simulation } from './simulation.ts';

export interface PlannedReplacement {
  /** Virtual time in milliseconds at which the consumers are stopped. */
  readonly at: number;
  /** Milliseconds after which mq apply runs for the first time. It may run before all consumers have ended. */
  readonly applyAfterMs: number;
  readonly change: 'type' | 'argument';
  /** For each of the first processes: number of its events after which it is killed. */
  readonly kills: readonly number[];
}

/** An argument that changes nothing for the messages of a plan. */
const addedArguments = { 'x-max-length': 100_000 };

/** Returns the differences of the new queue from that of the plan. */
function changeOf({ queueType, replacement }: Plan): QueueChange {
  const isOther = replacement?.change === 'type';
  const other = queueType === 'classic' ? 'quorum' : 'classic';
  return { queueType: isOther ? other : queueType, arguments: isOther ? {} : addedArguments };
}

/** Codes of runs that a next run may finish (planning.md). */
const unfinished: readonly ErrorCode[] = [
  ...(['UNAVAILABLE', 'HOST_UNKNOWN', 'PROTOCOL', 'IN_DOUBT', 'REFUSED', 'DEADLINE'] as const),
  ...(['OUTDATED', 'TOPOLOGY', 'NOT_PERMITTED', 'TERMINATED', 'INTERRUPTED'] as const),
];
const statuses: ReadonlySet<number> = new Set([0, ...unfinished.map((code) => exitStatuses[code])]);
/** Names of the objects that exist during a replacement (replace-names.ts). */
const ends = ['.mq-replace', '.mq-lock', '.mq-probe'];

export class ReplaceRole extends Role {
  /** The consumers start again only when it is finished. */
  override readonly isSender = true;
  /** Number of processes that have started. */
  starts = 0;
  /** True from the stop of the consumers to the end of the replacement. */
  isRunning = false;
  readonly #newFile: string;
  readonly #plan: PlannedReplacement;

  constructor(simulation: Simulation, plan: PlannedReplacement) {
    super(simulation, 'apply a0', 'a0');
    this.#plan = plan;
    this.#newFile = configurationFile(simulation.plan, changeOf(simulation.plan));
  }

  protected override get configFile(): string {
    return this.#newFile;
  }

  protected override statusesAfter(): ReadonlySet<number> {
    return statuses;
  }

  start(): void {
    if (this.starts > 0) this.#apply();
    else this.#begin();
  }

  #begin(): void {
    const { world } = this.simulation;
    world.later(this.#plan.at, () => {
      this.isRunning = true;
      for (const role of this.simulation.roles) if (role.isPaused) role.end('SIGTERM');
      world.later(this.#plan.applyAfterMs, () => this.#apply());
    });
  }

  #apply(): void {
    const { world } = this.simulation;
    const kill = this.#plan.kills[this.starts];
    this.starts += 1;
    const started = this.run(['apply', '--replace', 'work', '--yes', '--json'], {
      onLine: (line) => JSON.parse(line),
    });
    if (kill !== undefined) world.afterEvents(started, kill, () => started.kill());
    started.onEnd(() => {
      if (started.end?.status !== 0) return;
      this.isFinished = true;
      this.isRunning = false;
      this.simulation.configFile = this.#newFile;
    });
  }

  /** Returns a line for each object that the replacement has left, and if the queue is not the new one. */
  violations(): string[] {
    const { broker, plan } = this.simulation;
    const vhost = broker.current?.vhosts.get('/');
    if (vhost === undefined || !this.isFinished) return [];
    const left = [...vhost.queues.keys(), ...vhost.exchanges.keys()].filter((name) =>
      ends.some((end) => name.endsWith(end)),
    );
    const { arguments: found } = vhost.queues.get('work') ?? {};
    const change = changeOf(plan);
    const isNew =
      found?.get('x-queue-type') === change.queueType &&
      Object.entries(change.arguments).every(([name, value]) => found?.get(name) === value);
    return [
      ...left.map((name) => `the replacement has left ${name}`),
      ...(isNew ? [] : [`the queue is not the new one after its replacement: ${JSON.stringify(found)}`]),
    ];
  }
}
