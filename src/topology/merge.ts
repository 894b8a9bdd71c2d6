// Merges vhosts of rascal.json that are one vhost on the broker, because their addresses name the same vhost.

import { MqError } from '../errors.ts';
import { bindingId, isSameValue } from './topology.ts';
import type { WantedTopology } from './wanted.ts';

interface NamedTopology {
  /** Name of the vhost in rascal.json. */
  readonly name: string;
  readonly wanted: WantedTopology;
}

/** Returns each object once. Throws CONFIG if two vhosts define an object differently, because only one can be declared. */
export function mergedTopology(all: readonly [NamedTopology, ...NamedTopology[]]): WantedTopology {
  const [{ wanted: first }] = all;
  if (all.length === 1) return first;
  const bindings = new Map(all.flatMap(({ wanted }) => wanted.bindings.map((one) => [bindingId(one), one])));
  return {
    ...first,
    exchanges: merged(all, 'exchange', ({ exchanges }) => exchanges),
    queues: merged(all, 'queue', ({ queues }) => queues),
    bindings: [...bindings.values()],
    policies: merged(all, 'policy', ({ policies }) => policies),
    operatorPolicies: merged(all, 'operator policy', ({ operatorPolicies }) => operatorPolicies),
  };
}

interface Mergeable {
  readonly name: string;
  readonly isDeclared?: boolean;
  readonly for?: string;
}

/** Returns one object of each name. A definition that mq declares precedes one with `"assert": false`. */
function merged<One extends Mergeable>(
  all: readonly NamedTopology[],
  kind: string,
  listOf: (wanted: WantedTopology) => readonly One[],
): One[] {
  const found = new Map<string, { readonly from: string; readonly one: One }>();
  for (const { name: from, wanted } of all)
    for (const one of listOf(wanted)) {
      const before = found.get(one.name);
      if (before === undefined || before.one.isDeclared === false) found.set(one.name, { from, one });
      else if (one.isDeclared !== false && !isSameValue(contentOf(before.one), contentOf(one)))
        throw contradiction(`${kind} '${one.name}'`, [before.from, from]);
    }
  return [...found.values()].map(({ one }) => one);
}

/** Returns what the broker receives. */
function contentOf({ for: _for, isDeclared: _isDeclared, ...content }: Mergeable): object {
  return content;
}

function contradiction(what: string, [one, other]: readonly [string, string]): MqError {
  return new MqError(
    'CONFIG',
    `the vhosts '${one}' and '${other}' of rascal.json define the ${what} differently, and are one vhost on the broker`,
    { hint: 'an address without a vhost keeps the vhosts apart' },
  );
}
