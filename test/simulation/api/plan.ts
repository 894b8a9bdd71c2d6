// Adds commands that use the management API to the plan of a seed, and faults of the API.

import { type Random, randomOf } from '../../support/random.ts';
import type { Plan, PlannedFault } from '../plan.ts';

/** A command of an operator. `set` and `delete` change a policy that matches no queue. */
export type ApiCommand = 'set' | 'delete' | 'list' | 'top';

export interface PlannedApi {
  /** Virtual time in milliseconds at which the first command starts. */
  readonly at: number;
  /** Milliseconds between the end of a command and the start of the next one. */
  readonly everyMs: number;
  readonly commands: readonly ApiCommand[];
}

/** The faults that only a plan with a management API has (api/faults.ts). */
export const apiFaults = [
  'API refuses connections',
  'API answers with an error',
  'API answers late',
  'API answer cut',
  'API refuses the login',
] as const;

/** Adds the commands and the faults to some plans, without changing the random numbers of the other features. */
export function withApi(plan: Plan): Plan {
  const random = randomOf(plan.seed ^ 0x1f83d9ab);
  if (random.chance(plan.replacement ? 0.5 : 0.94)) return plan;
  const allowed = (['set', 'set', 'delete', 'list', 'top'] as const).filter(() => random.chance(0.6));
  const commands = Array.from({ length: random.pick([2, 4, 8]) }, () => random.pick(['set' as const, ...allowed]));
  const api: PlannedApi = { at: random.below(random.pick([200, 5000])), everyMs: random.pick([0, 10, 1000]), commands };
  const faults = Array.from({ length: random.pick([0, 1, 2, 4]) }, () => faultOf(random));
  return { ...plan, api, faults: [...plan.faults, ...faults] };
}

function faultOf(random: Random): PlannedFault {
  return {
    fault: random.pick(apiFaults),
    at: random.below(random.pick([500, 5000, 30_000])),
    holdMs: random.pick([1, 100, 1000, 20_000]),
    target: random.below(1000),
    events: 0,
  };
}
