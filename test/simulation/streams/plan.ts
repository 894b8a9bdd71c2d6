// Adds a stream to the plan of a seed: one publisher, and readers that end, are killed, and continue.

import { type Random, randomOf } from '../../support/random.ts';
import type { PlannedMessage, Way } from '../message.ts';
import type { Plan, PlannedConsumer, PlannedPublisher, PlannedStop } from '../plan.ts';

/** Where a reader stores its offset. A reader without a store begins at the first message. */
export type OffsetPlace = 'file' | 'queue' | 'none';

export interface PlannedReader extends PlannedConsumer {
  readonly offsets: OffsetPlace;
}

export interface PlannedStream {
  /** Size of a segment in bytes. */
  readonly segmentBytes: number;
  readonly publisher: PlannedPublisher;
  readonly readers: readonly PlannedReader[];
}

/** Names of the stream, and of the publication and the subscription. */
export const streamName = 'events';

/** Returns whether a queue is the stream, or one of the queues that mq declares for it. */
export function isOfStream(queue: string): boolean {
  return queue === streamName || queue.startsWith(`${streamName}.`);
}

const stops: readonly PlannedStop[] = [{}, {}, { count: 1 }, { count: 3 }, { idleMs: 500 }, { untilEmpty: true }];

/** Adds a stream to some plans, without changing the random numbers of the other features. */
export function withStream(plan: Plan): Plan {
  const random = randomOf(plan.seed ^ 0x1b873593);
  // The model of RabbitMQ has no streams. A stream has no native retries.
  if (random.chance(0.88) || plan.broker === 'cluster' || plan.native) return plan;
  const publisher: PlannedPublisher = {
    host: 's0',
    window: random.pick([1, 16, 256]),
    everyMs: random.pick([0, 1, 200, 1000]),
    messages: messagesOf(plan, random),
  };
  const readers = Array.from({ length: random.pick([1, 1, 2]) }, (_, index): PlannedReader => {
    const offsets = random.pick(['file', 'file', 'queue', 'none'] as const);
    return {
      host: `t${index}`,
      prefetch: random.pick([1, 2, 10, 100]),
      concurrency: random.pick([1, 1, 1, 4]),
      drainMs: random.pick([1000, 25_000]),
      // A reader without a store begins again after each stop.
      stop: random.pick(offsets === 'none' || random.chance(0.5) ? [{}] : stops),
      offsets,
    };
  });
  return { ...plan, stream: { segmentBytes: random.pick([500, 5000, 1_000_000]), publisher, readers } };
}

/** Returns messages that all succeed in the end, or are dead-lettered by their handler. */
function messagesOf({ attempts }: Plan, random: Random): PlannedMessage[] {
  const failing = random.pick([0, 0, 0.2]);
  const slowMs = random.pick([0, 0, 5, 1000]);
  return Array.from({ length: random.pick([1, 5, 20]) }, (_, number) => {
    const ways: Way[] = [];
    while (ways.length + 1 < attempts && random.chance(failing)) ways.push(random.pick(['throws', 'retry', 'requeue']));
    ways.push(random.chance(failing / 4) ? 'dead-letter' : 'ack');
    return { id: `s0-${number}`, ways, ms: random.chance(0.5) ? 0 : random.below(slowMs + 1), bytes: random.below(50) };
  });
}
