// From a mirrored queue, which RabbitMQ 4 no longer has, to the quorum queue that does its work: the arguments of the
// queue and what is left of the policy. Pure; `mq check --target` and `mq admin` say the same.

import type { Plain } from './plain.ts';

/** Arguments of a queue that asked for mirrors. RabbitMQ 4.0.5 and 4.3.6 take them, and mirror nothing. */
export const mirrorArguments = ['x-ha-policy', 'x-ha-policy-params', 'x-ha-nodes'] as const;

/** Keys of a policy that asked for mirrors. RabbitMQ 4.0.5 and 4.3.6 refuse the policy. */
export const mirrorKeys = [
  'ha-mode',
  'ha-params',
  'ha-sync-mode',
  'ha-sync-batch-size',
  'ha-promote-on-shutdown',
  'ha-promote-on-failure',
] as const;

/** What a quorum queue does not take of a classic one. RabbitMQ 4.0.5 and 4.3.6: 406. */
const classicArguments = ['x-max-priority', 'x-queue-mode', 'x-queue-version', 'x-queue-master-locator'];

/** Half an hour: what stands in for auto-delete, which quorum queues do not have. */
const unusedMs = 1_800_000;

/**
 * The arguments of the quorum queue for a queue's own: without mirrors and what only classic queues have.
 * @param replicas how many nodes are to hold it; absent: RabbitMQ's own choice (3, or as many as there are)
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
 * How many members do what a mirroring policy asked for; undefined where it said all. A quorum queue needs a majority: of
 * two members none may go, of four no more than of three. So they are odd, and at least 3.
 */
export function replicasOf(definition: Plain): number | undefined {
  const params = definition['ha-params'];
  if (definition['ha-mode'] === 'exactly' && typeof params === 'number') return oddSize(params);
  return definition['ha-mode'] === 'nodes' && Array.isArray(params) ? oddSize(params.length) : undefined;
}

function oddSize(mirrors: number): number {
  return Math.max(3, mirrors + 1 - (mirrors % 2));
}

/** What is left of a policy without its mirrors, for quorum queues; undefined: nothing, it can go. */
export function policyWithoutMirrors(definition: Plain): Plain | undefined {
  const gone: readonly string[] = [...mirrorKeys, 'queue-mode', 'queue-version', 'queue-master-locator'];
  const left = Object.entries(definition).filter(([key]) => !gone.includes(key));
  return left.length === 0 ? undefined : Object.fromEntries(left);
}
