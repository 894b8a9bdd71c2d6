// Adds the queue `archive` to the plan of a seed: one publisher, and a mover that records its messages to files, removes them
// from the queue, and replays each file into the queue `work`.

import { type Random, randomOf } from '../../support/random.ts';
import { recordNames } from '../command-roles.ts';
import type { Plan, PlannedCommand, PlannedPublisher } from '../plan.ts';

/** An end of a process of the mover before its work is done. */
interface PlannedEnd {
  /** Number of its events after which it is killed. */
  readonly events: number;
  /** True if its machine loses power. */
  readonly isPowerLoss: boolean;
}

export interface PlannedRecording {
  readonly publisher: PlannedPublisher;
  /** Virtual time in milliseconds at which the mover begins. */
  readonly at: number;
  /** Value of --count. */
  readonly count?: number;
  /** Value of --to of the replays. Faults hit the exchange of the other messages, and not the default exchange. */
  readonly to: 'queue:work' | 'exchange:work';
  /** Bytes that each of the first files can have. */
  readonly mostBytes: readonly number[];
  /** The ends of the first processes. */
  readonly ends: readonly PlannedEnd[];
}

/** Name of the queue, of its publication and of its subscription. */
export const archive = 'archive';

/** Adds mq record of the work queue, or of live messages, to some plans. */
export function withRecordCommand(plan: Plan): Plan {
  const random = randomOf(plan.seed ^ 0x5be0cd19);
  if (random.chance(0.94)) return plan;
  const command: PlannedCommand = {
    host: 'k9',
    command: random.pick(recordNames),
    at: random.pick([200, 5000, 30_000]) + random.below(5000),
  };
  return { ...plan, commands: [...(plan.commands ?? []), command] };
}

/** Adds a recording to some plans, without changing the random numbers of the other features. */
export function withRecording(plan: Plan): Plan {
  const random = randomOf(plan.seed ^ 0x3c6ef372);
  // A replacement stops the consumers, which the mover does not wait for.
  if (random.chance(0.95) || plan.replacement || plan.exclusive) return plan;
  const publisher: PlannedPublisher = {
    host: 'v0',
    window: random.pick([1, 16, 256]),
    everyMs: random.pick([0, 1, 200, 1000]),
    messages: Array.from({ length: random.pick([1, 5, 5, 20, 20, 250]) }, (_, number) => ({
      ...{ id: `v0-${number}`, ways: ['ack' as const], ms: 0 },
      bytes: random.below(50),
    })),
  };
  const picked = random.pick([undefined, undefined, 3, 100]);
  // Each start costs thousands of events.
  const count = picked === 3 && publisher.messages.length > 20 ? 100 : picked;
  return {
    ...plan,
    recording: {
      publisher,
      at: random.pick([100, 3000, 20_000]) + random.below(1000),
      ...(count !== undefined && { count }),
      mostBytes: random.chance(0.8) ? [] : Array.from({ length: 2 }, () => random.below(5000)),
      ends: Array.from({ length: random.pick([0, 0, 1, 3]) }, () => endOf(random)),
      to: random.pick(['queue:work', 'exchange:work']),
    },
  };
}

function endOf(random: Random): PlannedEnd {
  return { events: random.below(random.pick([60, 300])), isPowerLoss: random.chance(0.5) };
}
