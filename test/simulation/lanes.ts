// The work queues of a plan, which can be in several virtual hosts. A publisher sends to one of them, and a consumer receives
// from one or several.

import type { Plan, PlannedConsumer, PlannedPublisher } from './plan.ts';

export interface Lane {
  readonly vhost: string;
  readonly queue: string;
}

const firstLane: Lane = { vhost: '/', queue: 'work' };

/** Returns all work queues of a plan. The first one exists in each plan. */
export function lanesOf({ lanes = [] }: Pick<Plan, 'lanes'>): readonly Lane[] {
  return [firstLane, ...lanes];
}

/** Returns the name of the publication and of the subscription of a work queue. */
export function laneName(index: number): string {
  return index === 0 ? 'work' : `work${index}`;
}

/** Returns the names of the virtual hosts. */
export function vhostsOf(plan: Pick<Plan, 'lanes'>): string[] {
  return [...new Set(lanesOf(plan).map(({ vhost }) => vhost))];
}

/** Returns whether a consumer receives from the queue to which the publisher of a message sends. */
export function mayReceive(
  { lanes = [0] }: PlannedConsumer,
  publishers: readonly PlannedPublisher[],
  body: string,
): boolean {
  const publisher = publishers.find(({ host }) => body.startsWith(`${host}-`));
  return publisher === undefined || lanes.includes(publisher.lane ?? 0);
}
