// Finds what policies and arguments do to the queues of a replacement: limits of the new queue, dead letters of the old
// one, and whether a policy could remove messages from the holding queue.

import type { Plain } from '../config/plain.ts';
import type { Room } from '../session/session.ts';
import { isMatch } from '../topology/policies.ts';
import type { TopologyPolicy, TopologyQueue } from '../topology/topology.ts';

/** Policies of a vhost. An operator policy applies in addition to a policy. */
export interface Policies {
  readonly policies: readonly TopologyPolicy[];
  readonly operatorPolicies: readonly TopologyPolicy[];
}

export type PolicyQueue = Pick<TopologyQueue, 'name' | 'type' | 'arguments' | 'policySettings'>;

/** Keys of a policy that make a queue drop messages. */
const removing = ['expires', 'message-ttl', 'max-length', 'max-length-bytes'];

/** Settings with which a quorum queue holds messages back that are neither ready nor unacknowledged. */
const holdingBack = ['dead-letter-strategy', 'delayed-retry-type'];

/** Reports whether the settings make a queue remove or reject messages. */
export function removesMessages(settings: Plain): boolean {
  return removing.some((key) => settings[key] !== undefined);
}

/** Returns the name of a policy that certainly applies to the queue and removes its messages, or `undefined`. */
export function removingPolicy(queue: PolicyQueue, all: Policies): string | undefined {
  const certain = listsOf(all).flatMap((list) => certainOf(queue, list) ?? []);
  return certain.find(({ definition }) => removesMessages(definition))?.name;
}

/** Returns the name of a policy that may apply to the queue and would remove its messages, or `undefined`. */
export function possiblyRemovingPolicy(queue: PolicyQueue, all: Policies): string | undefined {
  return candidates(queue, all).find(({ definition }) => removesMessages(definition))?.name;
}

/** Reports whether the patterns show which policies apply to the queue, and the broker names the same policy. */
export function isCertain(queue: PolicyQueue, all: Policies, policy: string | undefined): boolean {
  return hasCertainPolicies(queue, all) && certainOf(queue, all.policies)?.name === policy;
}

/** Reports whether the queue may have messages that are neither ready nor unacknowledged. */
export function mayHoldBack(queue: PolicyQueue, all: Policies): boolean {
  if (queue.type !== 'quorum') return false;
  const definitions = candidates(queue, all).map(({ definition }) => definition);
  return holdingBack.some(
    (key) => queue.arguments[`x-${key}`] !== undefined || definitions.some((one) => one[key] !== undefined),
  );
}

/** Returns how many messages and bytes the queue keeps at most. */
export function capacityOf(queue: PolicyQueue, all: Policies): Room {
  const limit = (key: string) => {
    const values = [queue.arguments[`x-${key}`], ...settingsOf(queue, all).map((settings) => settings[key])];
    return Math.min(Number.POSITIVE_INFINITY, ...values.filter((value) => typeof value === 'number'));
  };
  return { messages: limit('max-length'), bytes: limit('max-length-bytes') };
}

/**
 * Returns the arguments of the holding queue. It has no limit and no TTL. Messages whose own `expiration` ends there are
 * dead-lettered like in the queue itself.
 */
export function holdingArguments(found: PolicyQueue, wanted: Pick<PolicyQueue, 'type'>, all: Policies): Plain {
  const isQuorum = found.type === 'quorum' || wanted.type === 'quorum';
  return {
    'x-queue-type': isQuorum ? 'quorum' : 'classic',
    ...(isQuorum && { 'x-delivery-limit': mostDeliveries }),
    ...deadLettering(found, all, isQuorum),
  };
}

/** RabbitMQ: a quorum queue drops a message after 20 deliveries by default. Each interrupted run is a delivery. */
const mostDeliveries = 1_000_000;

function deadLettering(queue: PolicyQueue, all: Policies, isQuorum: boolean): Plain {
  const definitions = settingsOf(queue, all);
  // RabbitMQ: the argument overrides the policy.
  const effective = (key: string) =>
    queue.arguments[`x-${key}`] ?? definitions.find((one) => one[key] !== undefined)?.[key];
  const [exchange, key] = [effective('dead-letter-exchange'), effective('dead-letter-routing-key')];
  if (exchange === undefined) return {};
  const isSafe = isQuorum && effective('dead-letter-strategy') === 'at-least-once';
  return {
    'x-dead-letter-exchange': exchange,
    ...(key !== undefined && { 'x-dead-letter-routing-key': key }),
    ...(isSafe && { 'x-dead-letter-strategy': 'at-least-once', 'x-overflow': 'reject-publish' }),
  };
}

/**
 * Returns the settings of the policies that apply to a queue. If a pattern does not show whether its policy applies, the
 * settings are those that the broker has reported for the queue, or else those of each policy that may apply.
 */
function settingsOf(queue: PolicyQueue, all: Policies): Plain[] {
  const { policySettings } = queue;
  if (policySettings !== undefined && !hasCertainPolicies(queue, all)) return [policySettings];
  return candidates(queue, all).map(({ definition }) => definition);
}

function hasCertainPolicies(queue: PolicyQueue, all: Policies): boolean {
  return listsOf(all).every((list) => candidatesOf(queue, list).length === 0 || certainOf(queue, list) !== undefined);
}

function listsOf({ policies, operatorPolicies }: Policies): (readonly TopologyPolicy[])[] {
  return [policies, operatorPolicies];
}

/** Returns the policy of the list that applies to a queue, or `undefined` if no policy certainly applies. */
function certainOf(queue: PolicyQueue, list: readonly TopologyPolicy[]): TopologyPolicy | undefined {
  const [first, ...others] = candidatesOf(queue, list);
  return first !== undefined && others.length === 0 && isMatch(first, queue) ? first : undefined;
}

/** Returns the policies and the operator policies that may apply to a queue. */
function candidates(queue: PolicyQueue, all: Policies): TopologyPolicy[] {
  return listsOf(all).flatMap((list) => candidatesOf(queue, list));
}

/**
 * Returns the policies of a list that may apply to a queue, with the highest priority first. No policy with a lower
 * priority than one that certainly matches can apply. RabbitMQ: of two with the same priority, either may apply.
 */
function candidatesOf(queue: PolicyQueue, list: readonly TopologyPolicy[]): TopologyPolicy[] {
  const matching = list.filter((one) => isMatch(one, queue) !== false);
  const certain = matching.filter((one) => isMatch(one, queue) === true).map(({ priority }) => priority);
  const least = Math.max(Number.NEGATIVE_INFINITY, ...certain);
  return matching.filter(({ priority }) => priority >= least).toSorted((one, other) => other.priority - one.priority);
}
