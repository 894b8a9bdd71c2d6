// Finds queues from which the broker silently drops messages.

import type { Path } from '../reading/problem.ts';
import type { Declared, DeclaredPolicy, DeclaredQueue } from './declared.ts';

/**
 * Returns the quorum queues for which neither an argument nor a policy sets a delivery limit or a dead-letter exchange.
 * RabbitMQ 4 drops a message from such a queue after more than 20 redeliveries.
 */
export function droppingQueues({ queues, policies }: Pick<Declared, 'queues' | 'policies'>): DeclaredQueue[] {
  return queues.filter((queue) => queue.type === 'quorum' && !hasLimitOrTarget(queue, policies));
}

/** Returns the warning of `mq check` for a queue that drops messages. */
export function droppingWarning({ placeOf }: DeclaredQueue): { path: Path; message: string; instead: string } {
  return { path: placeOf('x-queue-type'), message: droppingMessage, instead };
}

const droppingMessage = 'the broker drops a message of this queue after more than 20 redeliveries';
const instead = 'add "x-delivery-limit": -1, or set a limit and x-dead-letter-exchange';

function hasLimitOrTarget(queue: DeclaredQueue, policies: readonly DeclaredPolicy[]): boolean {
  const own = ['x-delivery-limit', 'x-dead-letter-exchange'].some((name) => Object.hasOwn(queue.arguments, name));
  return own || policies.some((policy) => applies(policy, queue));
}

function applies({ vhost, pattern, definition }: DeclaredPolicy, queue: DeclaredQueue): boolean {
  if (vhost !== queue.vhost || !('delivery-limit' in definition || 'dead-letter-exchange' in definition)) return false;
  try {
    return new RegExp(pattern, 'u').test(queue.name);
  } catch {
    return false;
  }
}
