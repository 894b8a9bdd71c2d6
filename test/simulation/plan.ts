// A plan describes one run of the simulation completely: the settings, the roles, the messages and the faults. It is plain
// data, so that a failing plan can be printed, repeated, and made smaller.

import type { FailurePolicy } from '../../src/config/role.ts';
import { type Random, randomOf } from '../support/random.ts';
import type { PlannedApi } from './api/plan.ts';
import { type BrokerKind, brokerKinds } from './broker.ts';
import type { CommandName } from './command-roles.ts';
import { faultsOf } from './faults.ts';
import { type HandlerKind, withFeatures } from './features.ts';
import type { Lane } from './lanes.ts';
import type { PlannedMessage, Way } from './message.ts';
import type { Quirk } from './programs.ts';
import type { PlannedRecording } from './recordings/plan.ts';
import type { PlannedReplacement } from './replacement.ts';
import type { PlannedStream } from './streams/plan.ts';

export interface PlannedPublisher {
  readonly host: string;
  readonly window: number;
  /** Messages in the order in which they are written to standard input. */
  readonly messages: readonly PlannedMessage[];
  /** Milliseconds between two messages. */
  readonly everyMs: number;
  /** Index of its work queue (lanes.ts). Defaults to 0. */
  readonly lane?: number;
  /** Value of --delay in milliseconds. */
  readonly delayMs?: number;
}

export interface PlannedRequester extends PlannedPublisher {
  readonly replyTimeoutMs: number;
  /** True for a queue of its own instead of direct reply-to. */
  readonly ownQueue: boolean;
}

/** When a consumer stops by itself. It is then started again. */
export interface PlannedStop {
  readonly count?: number;
  readonly idleMs?: number;
  readonly maxTimeMs?: number;
  readonly untilEmpty?: true;
}

/** A command that runs once. */
export interface PlannedCommand {
  readonly host: string;
  readonly command: CommandName;
  /** Virtual time of its start in milliseconds. */
  readonly at: number;
}

export interface PlannedConsumer {
  readonly host: string;
  readonly prefetch: number;
  readonly concurrency: number;
  readonly drainMs: number;
  /** Default: a module. */
  readonly handler?: HandlerKind;
  /** Properties of the programs of `exec` and `lines`. */
  readonly quirks?: readonly Quirk[];
  /** Most messages of one call of the handler. Default: no batches. */
  readonly batch?: number;
  readonly stop?: PlannedStop;
  /** Indexes of its work queues (lanes.ts). Default: the first one. */
  readonly lanes?: readonly number[];
  /** True if its queue delivers to one consumer at a time. */
  readonly isSingle?: true;
}

export interface PlannedFault {
  /** A name of faults.ts. */
  readonly fault: string;
  /** Virtual time of the injection in milliseconds after the start of the roles. */
  readonly at: number;
  /** Milliseconds until the fault is undone. */
  readonly holdMs: number;
  /** Selects the role, the host or the connection. */
  readonly target: number;
  /** For faults of a process: number of its events after `at`, so that it can be hit at each await. */
  readonly events: number;
}

export interface Plan {
  /** Seed of the network and of all random numbers of the programs. */
  readonly seed: number;
  readonly broker: BrokerKind;
  /** Sizes of the files of a store in bytes, small enough that they are rotated and compacted. */
  readonly store: { readonly segmentBytes: number; readonly slackBytes: number };
  readonly queueType: 'classic' | 'quorum';
  readonly attempts: number;
  /** Pauses before attempts 2, 3, … in milliseconds. */
  readonly delays: readonly number[];
  readonly onFail: FailurePolicy;
  /** True if a quorum queue delays and counts the retries. */
  readonly native?: true;
  readonly heartbeat: number;
  readonly handlerTimeoutMs: number;
  readonly network: {
    readonly minMs: number;
    readonly maxMs: number;
    readonly segmentBytes: number;
    readonly bufferBytes: number;
  };
  /** Duration of each event in milliseconds. A large value is a slow machine. */
  readonly eventMs: number;
  readonly publishers: readonly PlannedPublisher[];
  readonly consumers: readonly PlannedConsumer[];
  readonly requesters?: readonly PlannedRequester[];
  readonly repliers?: readonly PlannedConsumer[];
  readonly commands?: readonly PlannedCommand[];
  readonly replacement?: PlannedReplacement;
  /** True if the consumers are exclusive: one receives, and the others stand by. */
  readonly exclusive?: true;
  /** Work queues besides the queue `work` of the virtual host `/`. */
  readonly lanes?: readonly Lane[];
  readonly stream?: PlannedStream;
  readonly recording?: PlannedRecording;
  readonly api?: PlannedApi;
  readonly faults: readonly PlannedFault[];
  /** True if the roles and the faults begin before the broker listens, so that the first starts of roles fail. */
  readonly isEarly?: true;
}

/** Milliseconds in which faults are injected. */
const faultyMs = 60_000;

/** Returns the plan of a seed. Each seed turns features on or off (swarm testing), so that rare combinations occur. */
export function planOf(seed: number): Plan {
  return withFeatures(basePlan(seed));
}

function basePlan(seed: number): Plan {
  const random = randomOf(seed);
  const isPoor = random.chance(0.2);
  const messages = random.pick([1, 3, 10, 10, 30]);
  const failing = random.pick([0, 0, 0.1, 0.5]);
  const faulty = random.pick([0, 1, 1, 2, 3, 6]);
  const broker = random.pick(brokerKinds);
  const general = faultsOf('memory');
  const own = faultsOf(broker).filter((name) => !general.includes(name));
  // The faults of this kind of broker are as likely as the others together.
  const allowed = [general, own]
    .map((names) => names.filter(() => random.chance(0.5)))
    .filter(({ length }) => length > 0);
  // The order of the messages is promised with one publisher, and one consumer with a prefetch of 1.
  const isOrdered = random.chance(0.2);
  const slowMs = random.pick([0, 0, 5, 200, 3000]);
  const onFail = random.pick(['retry', 'retry', 'retry', 'dead-letter', 'requeue'] as const);
  // A message that always fails and is requeued would never leave the queue.
  const poison = onFail === 'requeue' ? 0 : failing / 10;
  return {
    seed,
    broker,
    store: { segmentBytes: random.pick([2000, 20_000, 1_000_000]), slackBytes: random.pick([0, 5000, 1_000_000]) },
    queueType: random.pick(['classic', 'quorum']),
    attempts: random.pick([1, 2, 3, 5]),
    delays: random.pick([[10], [100, 1000], [1000, 5000, 30_000], [1]]),
    onFail,
    heartbeat: random.pick([1, 5, 10, 10, 30]),
    handlerTimeoutMs: random.pick([5000, 60_000]),
    network: {
      minMs: 0.05,
      maxMs: random.pick([0.1, 1, 20, 300]),
      segmentBytes: isPoor ? 1 + random.below(100) : 65_536,
      bufferBytes: isPoor ? 2048 : 262_144,
    },
    eventMs: random.pick([0.001, 0.01, 0.5]),
    publishers: Array.from({ length: isOrdered ? 1 : random.pick([1, 1, 2]) }, (_, index) => ({
      host: `p${index}`,
      window: random.pick([1, 2, 16, 256]),
      everyMs: random.pick([0, 0, 1, 50, 1000]),
      messages: Array.from({ length: messages }, (__, number) => ({
        id: `p${index}-${number}`,
        ways: waysOf(random, failing, poison),
        ms: random.chance(0.5) ? 0 : random.below(slowMs + 1),
        bytes: random.chance(0.05) && !isPoor ? random.below(20_000) : random.below(50),
      })),
    })),
    consumers: Array.from({ length: isOrdered ? 1 : random.pick([1, 1, 2, 3]) }, (_, index) => ({
      host: `c${index}`,
      prefetch: isOrdered ? 1 : random.pick([1, 2, 10, 100]),
      concurrency: random.pick([1, 2, 10]),
      drainMs: random.pick([1000, 25_000]),
    })),
    faults: allowed.length === 0 ? [] : Array.from({ length: faulty }, () => faultOf(random, random.pick(allowed))),
  };
}

function waysOf(random: Random, failing: number, poison: number): Way[] {
  const ways: Way[] = [];
  while (random.chance(failing) && ways.length < 4)
    ways.push(random.pick(['throws', 'retry', 'retry', 'dead-letter', 'reject', 'nack', 'requeue', 'hangs']));
  return random.chance(poison) ? ['throws'] : [...ways, 'ack'];
}

function faultOf(random: Random, allowed: readonly string[]): PlannedFault {
  return {
    fault: random.pick(allowed),
    // Many faults hit the first second, in which the roles connect and the first messages are under way.
    at: random.below(random.pick([100, 1000, 1000, faultyMs])),
    holdMs: random.pick([0, 1, 50, 1000, 5000, 20_000, 60_000]),
    target: random.below(1000),
    events: random.chance(0.5) ? random.below(40) : random.below(400),
  };
}
