// Refuses requests for mirrored classic queues, which RabbitMQ removed in 4.0, and suggests replacements.
// config/quorum.ts defines the keys and the number of members.

import { mirrorKeys, policyWithoutMirrors, replicasOf } from '../../config/quorum.ts';
import { type ErrorDetails, MqError } from '../../errors.ts';
import type { ApiObject } from '../json.ts';

/** Replacement on quorum queues for each key of a mirroring policy. */
const instead: Readonly<Record<(typeof mirrorKeys)[number], (all: ApiObject) => string>> = {
  'ha-mode': (all) => {
    const size = replicasOf(all);
    const members = size === undefined ? '' : ` --argument x-quorum-initial-group-size=${size}`;
    return `queues that are replicated from their start: mq admin create queue NAME --type quorum${members}`;
  },
  'ha-params': () =>
    'the number of members: --argument x-quorum-initial-group-size=N of the queue; later mq admin grow',
  'ha-sync-mode': () => 'not needed: a member of a quorum queue always catches up by itself',
  'ha-sync-batch-size': () => 'not needed: a member of a quorum queue always catches up by itself',
  'ha-promote-on-shutdown': () => 'not needed: only a member that has all messages becomes leader',
  'ha-promote-on-failure': () => 'not needed: only a member that has all messages becomes leader',
};

function insteadOf(key: string, all: ApiObject): string {
  if (key === 'queue-master-locator')
    return `"queue-leader-locator": "${all[key] === 'client-local' ? 'client-local' : 'balanced'}"`;
  const known = mirrorKeys.find((one) => one === key);
  return known === undefined ? 'no replacement: RabbitMQ removed it' : instead[known](all);
}

/** Throws BAD_DATA for a policy that requests mirrors. The error lists the replacements. */
export function refuseMirroring(definition: ApiObject, { name, pattern }: { name: string; pattern: string }): void {
  const isGone = (key: string) => key.startsWith('ha-');
  const keys = Object.keys(definition);
  // A leader location alone does not request mirrors. The broker validates it.
  if (!keys.some(isGone)) return;
  const found = keys.filter((key) => isGone(key) || key === 'queue-master-locator');
  const kept = Object.entries(policyWithoutMirrors(definition) ?? {}).filter(([key]) => !isGone(key));
  const rest =
    kept.length === 0
      ? 'no policy is needed; to make quorum the default type in a vhost: mq admin create vhost NAME --default-queue-type quorum'
      : `and for the rest: mq admin set policy '${name}' '${pattern}' '${JSON.stringify(Object.fromEntries(kept))}' --apply-to quorum_queues`;
  const details: ErrorDetails = {
    problems: found.map((key) => `${key}: ${insteadOf(key, definition)}`),
    hint: rest,
  };
  throw new MqError('BAD_DATA', 'RabbitMQ 4.0 removed mirrored queues; replacements on quorum queues:', details);
}

/** Throws BAD_DATA for queue arguments that request mirrors. */
export function refuseMirroredQueue(queue: string, given: ApiObject): void {
  if (!Object.hasOwn(given, 'x-ha-policy') && !Object.hasOwn(given, 'x-ha-nodes')) return;
  throw new MqError('BAD_DATA', 'x-ha-policy has no effect since RabbitMQ 3.0: it replicates nothing', {
    hint: `mq admin create queue '${queue}' --type quorum`,
  });
}
