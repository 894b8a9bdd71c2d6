// Adds features to the plan of a seed: kinds of handlers, and the ways in which their programs end. Each seed turns a few of
// them on. They have random numbers of their own, so that a new feature does not change the rest of a plan.

import { type Random, randomOf } from '../support/random.ts';
import { type PlannedMessage, programWays } from './message.ts';
import type { Plan, PlannedConsumer } from './plan.ts';
import { quirks } from './programs.ts';

export type HandlerKind = 'module' | 'exec' | 'lines';

export function withFeatures(plan: Plan): Plan {
  const random = randomOf(plan.seed ^ 0x2545f491);
  return withHandlers(plan, random);
}

/** Most consumers have a module, because programs cost the simulation more time. */
function withHandlers(plan: Plan, random: Random): Plan {
  const kinds = random.pick<readonly HandlerKind[]>([['module'], ['exec'], ['lines'], ['module', 'exec', 'lines']]);
  const failing = random.pick([0, 0.2, 0.7]);
  const allowed = quirks.filter(() => random.chance(0.3));
  const batches = random.chance(0.3);
  const consumers = plan.consumers.map((consumer): PlannedConsumer => {
    const handler = random.pick(kinds);
    const batch = random.pick([1, 2, 10]);
    return {
      ...consumer,
      handler,
      ...(handler !== 'module' && { quirks: allowed }),
      // mq refuses a prefetch that cannot fill the batches.
      ...(handler !== 'exec' && batches && { batch, concurrency: 1, prefetch: Math.max(batch, consumer.prefetch) }),
    };
  });
  const withWays = (message: PlannedMessage): PlannedMessage => ({
    ...message,
    ways: message.ways.map((way) => (way !== 'ack' && random.chance(failing) ? random.pick(programWays) : way)),
  });
  const publishers = plan.publishers.map((one) => ({ ...one, messages: one.messages.map(withWays) }));
  return { ...plan, consumers, publishers };
}
