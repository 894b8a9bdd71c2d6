// Makes the steps for the differences that are removed without a deletion.

import type { Difference } from '../topology/difference.ts';
import { bindingId } from '../topology/topology.ts';
import type { WantedTopology } from '../topology/wanted.ts';
import type { Place, Step } from './step.ts';

/** The differences of a vhost, and the topology that removes them. */
interface Compared {
  readonly place: Place;
  readonly wanted: WantedTopology;
  readonly differences: readonly Difference[];
}

/** Returns a step for each object that does not exist. Differences with another action need the user's decision. */
export function creatingSteps({ place, wanted, differences }: Compared): Step[] {
  return differences.filter(({ action }) => action === 'create').flatMap((one) => stepOf(one, wanted, place) ?? []);
}

function stepOf(one: Difference, { exchanges, queues, bindings }: WantedTopology, place: Place): Step | undefined {
  const common = { action: 'create', place } as const;
  switch (one.kind) {
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
