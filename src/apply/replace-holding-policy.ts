// Refuses to use a holding queue from which a policy could remove messages.

import { escaped } from '../errors.ts';
import type { TopologyQueue } from '../topology/topology.ts';
import { effectivePolicy } from './effective-policy.ts';
import { possiblyRemovingPolicy, removesMessages, removingPolicy } from './replace-policies.ts';
import { irreplaceable, removalText } from './replace-refusals.ts';
import type { VhostState } from './replace-state.ts';
import type { Target } from './step.ts';

export type HoldingQueue = Pick<TopologyQueue, 'name' | 'type' | 'arguments'>;

/**
 * Throws TOPOLOGY if a policy makes the holding queue of the queue `name` remove messages, or if mq cannot know it. The
 * holding queue must exist.
 */
export async function assertKeepsMessages(
  target: Target,
  { name, holding, state }: { name: string; holding: HoldingQueue; state: VhostState },
): Promise<void> {
  const effective = await effectivePolicy(target, holding, state);
  if (effective !== undefined) {
    if (!removesMessages(effective.settings)) return;
    const applied = [
      ...state.policies.filter((one) => one.name === effective.policy),
      ...state.operatorPolicies.filter((one) => one.name === effective.operatorPolicy),
    ];
    const removing = applied.find(({ definition }) => removesMessages(definition));
    throw irreplaceable(name, removalText(removing?.name ?? effective.policy, holding.name));
  }
  const certain = removingPolicy(holding, state);
  if (certain !== undefined) throw irreplaceable(name, removalText(certain, holding.name));
  const possible = possiblyRemovingPolicy(holding, state);
  if (possible === undefined) return;
  throw irreplaceable(
    name,
    `the broker does not report whether the policy '${escaped(possible)}' applies to the holding queue '${escaped(holding.name)}' and removes messages from it; change its pattern`,
  );
}
