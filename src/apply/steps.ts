// Makes the steps for the differences that are removed without a deletion.

import { apiPath } from '../admin/path.ts';
import type { Difference } from '../topology/difference.ts';
import { bindingId, type TopologyPolicy } from '../topology/topology.ts';
import type { WantedTopology } from '../topology/wanted.ts';
import type { Place, Step, Target } from './step.ts';

/** The differences of a vhost, and the topology that removes them. */
interface Compared {
  readonly place: Place;
  readonly wanted: WantedTopology;
  readonly differences: readonly Difference[];
}

/** Returns a step for each object that does not exist, and for each policy that has other values. */
export function creatingSteps({ place, wanted, differences }: Compared): Step[] {
  return differences.flatMap((one) =>
    one.action === 'create' || one.action === 'update' ? (stepOf(one, wanted, place) ?? []) : [],
  );
}

function stepOf(one: Difference, wanted: WantedTopology, place: Place): Step | undefined {
  const { exchanges, queues, bindings } = wanted;
  const common = { action: one.action === 'update' ? ('update' as const) : ('create' as const), place };
  switch (one.kind) {
    case 'policy':
    case 'operator-policy': {
      const { kind } = one;
      const policies = kind === 'policy' ? wanted.policies : wanted.operatorPolicies;
      const policy = policies.find(({ name }) => name === one.name);
      if (policy === undefined) return undefined;
      const path = kind === 'policy' ? 'policies' : 'operator-policies';
      const object = { kind, name: one.name };
      return { ...common, stage: 'policy', object, run: (target) => setPolicy(target, path, policy) };
    }
    case 'exchange': {
      const exchange = exchanges.find(({ name }) => name === one.name);
      if (exchange === undefined) return undefined;
      const object = { kind: one.kind, name: one.name };
      return { ...common, stage: one.kind, object, run: async ({ declarer }) => (await declarer()).exchange(exchange) };
    }
    case 'queue': {
      const queue = queues.find(({ name }) => name === one.name);
      if (queue === undefined) return undefined;
      const object = { kind: one.kind, name: one.name, ...(one.for !== undefined && { for: one.for }) };
      return { ...common, stage: one.kind, object, run: async ({ declarer }) => (await declarer()).queue(queue) };
    }
    case 'binding': {
      const id = bindingId(one);
      const binding = bindings.find((each) => bindingId(each) === id);
      if (binding === undefined) return undefined;
      const object = { kind: one.kind, ...binding };
      return { ...common, stage: one.kind, object, run: async ({ declarer }) => (await declarer()).bind(binding) };
    }
  }
}

async function setPolicy(
  { api, vhost }: Target,
  path: 'policies' | 'operator-policies',
  { name, pattern, applyTo, priority, definition }: TopologyPolicy,
): Promise<void> {
  await api.request('PUT', apiPath`/${path}/${vhost}/${name}`, { pattern, 'apply-to': applyTo, priority, definition });
}
