// Reads from the broker which policies are in effect for a queue, because JavaScript cannot compile all patterns of
// RabbitMQ.

import { isObject, type Plain, stringOf } from '../config/plain.ts';
import { interruption } from '../signal.ts';
import { pause, time } from '../time.ts';
import { isCertain, type PolicyQueue } from './replace-policies.ts';
import { describedByStatistics, describedNow, type VhostState } from './replace-state.ts';
import type { Target } from './step.ts';

/** RabbitMQ 4.0.5: statistics contain a new queue after up to 12 s. */
const mostStatisticsMs = 20_000;
const pollMs = 500;

interface EffectivePolicy {
  /** Merged settings of the policy and the operator policy. They are empty if none applies. */
  readonly settings: Plain;
  readonly policy?: string;
  readonly operatorPolicy?: string;
}

/**
 * Returns what the broker reports, or `undefined` if the patterns show which policies apply, or if the broker reports
 * nothing. The queue must exist. Waits up to 20 s for the statistics of a new queue.
 */
export async function effectivePolicy(
  target: Target,
  queue: PolicyQueue,
  state: VhostState,
): Promise<EffectivePolicy | undefined> {
  const now = await describedNow(target, queue.name);
  const current = reportedIn(now);
  if (current !== undefined) return current;
  // RabbitMQ 4.0.5, 4.3.6: without statistics, a classic queue has only the name of its policy.
  if (state.knowsOperatorPolicies && isCertain(queue, state, stringOf(now['policy']) || undefined)) return undefined;
  for (const deadline = time.now() + mostStatisticsMs; time.now() < deadline; await pause(pollMs)) {
    if (target.signal.aborted) throw interruption(target.signal);
    const reported = reportedIn(await describedByStatistics(target, queue.name));
    if (reported !== undefined) return reported;
  }
  return undefined;
}

/** Returns the queue with the settings that the broker reports, if the patterns do not show which policies apply. */
export async function withPolicySettings<One extends PolicyQueue>(
  target: Target,
  queue: One,
  state: VhostState,
): Promise<One> {
  const effective = await effectivePolicy(target, queue, state);
  return effective === undefined ? queue : { ...queue, policySettings: effective.settings };
}

function reportedIn(described: Plain): EffectivePolicy | undefined {
  const { effective_policy_definition: settings } = described;
  if (!isObject(settings)) return undefined;
  const [policy, operatorPolicy] = [stringOf(described['policy']), stringOf(described['operator_policy'])];
  return { settings, ...(policy && { policy }), ...(operatorPolicy && { operatorPolicy }) };
}
