// Finds quorum queues from which the broker drops messages.

import { type Plain, stringOf } from '../../config/plain.ts';
import { droppingItems } from '../../config/target.ts';
import type { AuditFinding } from './finding.ts';
import { PolicyMatches } from './policy-matches.ts';

interface AuditedQueues {
  readonly queues: readonly Plain[];
  readonly policies: readonly Plain[];
  readonly operatorPolicies: readonly Plain[];
}

/** Returns the quorum queues for which no argument and no policy sets a delivery limit or a dead-letter exchange. */
export function droppingFindings({ queues, policies, operatorPolicies }: AuditedQueues): AuditFinding[] {
  const kinds = [new PolicyMatches('policy', policies), new PolicyMatches('operator_policy', operatorPolicies)];
  return droppingItems(queues).flatMap(({ index, message, instead }) => {
    const queue = queues[index] ?? {};
    const isSet = kinds.some((kind) => {
      const { definition } = kind.appliedTo('queue', queue);
      return 'delivery-limit' in definition || 'dead-letter-exchange' in definition;
    });
    if (isSet) return [];
    const [name, vhost] = [stringOf(queue['name']) ?? '', stringOf(queue['vhost']) ?? ''];
    return [{ code: 'no-dead-letter-target', severity: 'warning', kind: 'queue', name, vhost, message, instead }];
  });
}
