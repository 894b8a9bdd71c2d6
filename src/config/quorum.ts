// Converts the arguments and policies of mirrored queues, which RabbitMQ 4 no longer supports, to those of quorum
// queues. `mq check --target` and `mq admin` use this code.

import type { Plain } from './plain.ts';

/** Arguments of a queue that request mirrors. RabbitMQ 4.0.5 and 4.3.6 accept and ignore them. */
export const mirrorArguments = ['x-ha-policy', 'x-ha-policy-params', 'x-ha-nodes'] as const;

/** Keys of a policy that request mirrors. RabbitMQ 4.0.5 and 4.3.6 refuse such a policy. */
export const mirrorKeys = [
  'ha-mode',
  'ha-params',
  'ha-sync-mode',
  'ha-sync-batch-size',
  'ha-promote-on-shutdown',
  'ha-promote-on-failure',
] as const;

/** Arguments of classic queues that quorum queues do not support. RabbitMQ 4.0.5 and 4.3.6 answer 406. */
const classicArguments = ['x-max-priority', 'x-queue-mode', 'x-queue-version', 'x-queue-master-locator'];

/** 30 minutes, in milliseconds. This `x-expires` replaces auto-delete, which quorum queues do not support. */
const unusedMs = 1_800_000;

/**
 * Returns the arguments of the quorum queue that replaces a queue, without mirrors and without the arguments of classic
 * queues.
 * @param replicas number of members; defaults to RabbitMQ's choice (3, or all nodes if there are fewer)
 */
export function quorumArguments(
  given: Plain,
  { autoDelete = false, replicas }: { autoDelete?: boolean; replicas?: number | undefined } = {},
): Plain {
  const left = Object.entries(given).filter(
    ([name]) => ![...classicArguments, ...mirrorArguments, ...mirrorKeys, 'x-queue-type'].includes(name),
  );
  return {
    'x-queue-type': 'quorum',
    ...(replicas !== undefined && { 'x-quorum-initial-group-size': replicas }),
    ...(autoDelete && given['x-expires'] === undefined && { 'x-expires': unusedMs }),
    ...Object.fromEntries(left),
  };
}

/**
 * Returns the number of members that replaces a mirroring policy, or `undefined` if the policy mirrors to all nodes.
 * The number is odd and at least 3, because a quorum queue needs a majority. A queue with two members tolerates no
 * failure, and a queue with four members tolerates only one, like a queue with three.
 */
export function replicasOf(definition: Plain): number | undefined {
  const params = definition['ha-params'];
  if (definition['ha-mode'] === 'exactly' && typeof params === 'number') return oddSize(params);
  return definition['ha-mode'] === 'nodes' && Array.isArray(params) ? oddSize(params.length) : undefined;
}

function oddSize(mirrors: number): number {
  return Math.max(3, mirrors + 1 - (mirrors % 2));
}

/**
 * Returns the definition of a policy without the keys that quorum queues do not support. Returns `undefined` if no key
 * is left, which means that the policy can be deleted.
 */
export function policyWithoutMirrors(definition: Plain): Plain | undefined {
  const gone: readonly string[] = [...mirrorKeys, 'queue-mode', 'queue-version', 'queue-master-locator'];
  const left = Object.entries(definition).filter(([key]) => !gone.includes(key));
  return left.length === 0 ? undefined : Object.fromEntries(left);
}
