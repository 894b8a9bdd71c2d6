// Finds policies that have no effect, and policies whose effect is not defined.

import { type Plain, stringOf } from '../../config/plain.ts';
import type { AuditFinding } from './finding.ts';
import { type AuditedPolicy, PolicyMatches } from './policy-matches.ts';

interface Governed {
  readonly queues: readonly Plain[];
  readonly exchanges: readonly Plain[];
  readonly policies: readonly Plain[];
  readonly operatorPolicies: readonly Plain[];
}

export function policyFindings(broker: Governed): AuditFinding[] {
  return [
    ...findingsOf('policy', new PolicyMatches('policy', broker.policies), broker),
    ...findingsOf('operator policy', new PolicyMatches('operator_policy', broker.operatorPolicies), broker),
  ];
}

function findingsOf(kind: 'policy' | 'operator policy', policies: PolicyMatches, broker: Governed): AuditFinding[] {
  const used = new Set<AuditedPolicy>();
  const ties = new Map<string, { readonly tied: readonly AuditedPolicy[]; readonly names: string[] }>();
  for (const [what, items] of [['queue', broker.queues] as const, ['exchange', broker.exchanges] as const])
    for (const item of items) {
      const matching = policies.of(what, item);
      for (const one of matching) used.add(one);
      const highest = Math.max(...matching.map(({ priority }) => priority));
      const tied = matching.filter(({ priority }) => priority === highest);
      if (tied.length < 2) continue;
      const key = JSON.stringify(tied.map(({ vhost, name }) => [vhost, name]));
      const names = ties.get(key)?.names ?? [];
      names.push(`${what} ${stringOf(item['name'])}`);
      ties.set(key, { tied, names });
    }
  // Without a compiled pattern, only a match can be proven: an object then names the policy.
  const unused = policies.all.filter((one) => !used.has(one) && one.expression !== undefined);
  return [...unused.map((one) => unusedFinding(kind, one)), ...[...ties.values()].map((one) => tieFinding(kind, one))];
}

function unusedFinding(
  kind: 'policy' | 'operator policy',
  { name, vhost, pattern, applyTo }: AuditedPolicy,
): AuditFinding {
  const what = applyTo === 'all' ? 'queue or exchange' : applyTo === 'exchanges' ? 'exchange' : 'queue';
  const limit = ['all', 'exchanges', 'queues'].includes(applyTo) ? '' : ` (apply-to ${applyTo})`;
  return {
    ...{ code: 'unused-policy', severity: 'warning', kind, name, vhost },
    message: `the pattern ${pattern} matches no ${what}${limit}`,
    instead: 'correct the pattern or apply-to, or delete the policy',
  };
}

function tieFinding(
  kind: 'policy' | 'operator policy',
  { tied, names: [first = '', ...others] }: { readonly tied: readonly AuditedPolicy[]; readonly names: string[] },
): AuditFinding {
  const more = others.length === 0 ? '' : ` and ${others.length} more`;
  const [{ vhost, priority } = { vhost: '', priority: 0 }] = tied;
  return {
    ...{ code: 'tied-policies', severity: 'warning', kind, name: tied.map(({ name }) => name).join(', '), vhost },
    message: `they match ${first}${more} with the same priority ${priority}, and RabbitMQ applies only one of them`,
    instead: 'different priorities, or patterns that exclude each other',
  };
}
