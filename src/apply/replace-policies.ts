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

type Queue = Pick<TopologyQueue, 'name' | 'type' | 'arguments'>;

/** Keys of a policy that make a queue drop messages. */
const removing = ['expires', 'message-ttl', 'max-length', 'max-length-bytes'];

/** Returns the name of a policy that would remove messages from the queue, or `undefined`. */
export function removingPolicy(queue: Queue, all: Policies): string | undefined {
  return applied(queue, all).find(({ definition }) => removing.some((key) => definition[key] !== undefined))?.name;
}

/** Returns how many messages and bytes the queue keeps at most. */
export function capacityOf(queue: Queue, all: Policies): Room {
  const limit = (key: string) => {
    const values = [queue.arguments[`x-${key}`], ...applied(queue, all).map(({ definition }) => definition[key])];
    return Math.min(Number.POSITIVE_INFINITY, ...values.filter((value) => typeof value === 'number'));
  };
  return { messages: limit('max-length'), bytes: limit('max-length-bytes') };
}

/**
 * Returns the arguments of the holding queue. It has no limit and no TTL. Messages whose own `expiration` ends there are
 * dead-lettered like in the queue itself.
 */
export function holdingArguments(found: Queue, wanted: Pick<Queue, 'type'>, all: Policies): Plain {
  const isQuorum = found.type === 'quorum' || wanted.type === 'quorum';
  return {
    'x-queue-type': isQuorum ? 'quorum' : 'classic',
    ...(isQuorum && { 'x-delivery-limit': mostDeliveries }),
    ...deadLettering(found, all, isQuorum),
  };
}

/** RabbitMQ: a quorum queue drops a message after 20 deliveries by default. Each interrupted run is a delivery. */
const mostDeliveries = 1_000_000;

function deadLettering(queue: Queue, all: Policies, isQuorum: boolean): Plain {
  const definitions = applied(queue, all).map(({ definition }) => definition);
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

/** Returns the policy and the operator policy that apply to a queue: of each, the one with the highest priority. */
function applied(queue: Pick<Queue, 'name' | 'type'>, { policies, operatorPolicies }: Policies): TopologyPolicy[] {
  return [policies, operatorPolicies].flatMap((list) => {
    const matching = list.filter((one) => isMatch(one, queue) !== false);
    return matching.toSorted((one, other) => other.priority - one.priority).slice(0, 1);
  });
}
