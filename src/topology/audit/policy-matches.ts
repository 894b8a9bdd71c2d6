// Finds the policies that match a queue or an exchange, and the one that applies.

import { objectOf, type Plain, stringOf } from '../../config/plain.ts';

export interface AuditedPolicy {
  readonly name: string;
  readonly vhost: string;
  readonly pattern: string;
  readonly applyTo: string;
  readonly priority: number;
  readonly definition: Plain;
  /** `undefined` if JavaScript cannot compile the pattern, which RabbitMQ matches with PCRE. */
  readonly expression: RegExp | undefined;
}

/** `apply-to` for the types of queues that have one. */
const appliedTypes: Readonly<Record<string, string>> = {
  classic: 'classic_queues',
  quorum: 'quorum_queues',
  stream: 'streams',
};

export class PolicyMatches {
  readonly all: readonly AuditedPolicy[];
  /** Field of a queue or an exchange that names the policy that applies. */
  readonly #field: 'policy' | 'operator_policy';
  readonly #byVhost: ReadonlyMap<string, readonly AuditedPolicy[]>;

  constructor(field: 'policy' | 'operator_policy', items: readonly Plain[]) {
    this.#field = field;
    this.all = items.map(policyOf);
    this.#byVhost = Map.groupBy(this.all, ({ vhost }) => vhost);
  }

  /** Returns the policies that match the item, whatever their priorities are. */
  of(kind: 'queue' | 'exchange', item: Plain): readonly AuditedPolicy[] {
    const [vhost, name] = [stringOf(item['vhost']) ?? '', stringOf(item['name']) ?? ''];
    return (this.#byVhost.get(vhost) ?? []).filter((policy) => {
      if (!appliesTo(policy.applyTo, kind, stringOf(item['type']) ?? '')) return false;
      return policy.expression?.test(name) ?? item[this.#field] === policy.name;
    });
  }

  /** Returns the policy with the highest priority, or an empty definition. */
  appliedTo(kind: 'queue' | 'exchange', item: Plain): { readonly definition: Plain } {
    const matching = this.of(kind, item);
    const named = matching.find(({ name }) => name === item[this.#field]);
    return named ?? matching.toSorted((one, other) => other.priority - one.priority)[0] ?? { definition: {} };
  }
}

function policyOf(item: Plain): AuditedPolicy {
  const pattern = stringOf(item['pattern']) ?? '';
  const { priority } = item;
  return {
    name: stringOf(item['name']) ?? '',
    vhost: stringOf(item['vhost']) ?? '',
    pattern,
    applyTo: stringOf(item['apply-to']) ?? 'all',
    priority: typeof priority === 'number' ? priority : 0,
    definition: objectOf(item['definition']),
    expression: compiled(pattern),
  };
}

function compiled(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return undefined;
  }
}

function appliesTo(applyTo: string, kind: 'queue' | 'exchange', type: string): boolean {
  if (applyTo === 'all') return true;
  if (kind === 'exchange') return applyTo === 'exchanges';
  return applyTo === 'queues' || applyTo === appliedTypes[type];
}
