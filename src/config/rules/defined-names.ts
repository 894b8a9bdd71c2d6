// Collects the names that a file defines, so that references to them can be checked.

import { membersOf, objectOf, type Plain, stringOf } from '../plain.ts';

export interface VhostNames {
  readonly exchanges: Set<string>;
  readonly queues: Set<string>;
}

export interface DefinedNames {
  readonly vhosts: Map<string, VhostNames>;
  readonly publications: Set<string>;
  readonly subscriptions: Set<string>;
  /** Vhost of each publication and subscription. */
  readonly vhostOf: { readonly publication: Map<string, string>; readonly subscription: Map<string, string> };
}

/** Returns the names that the given files (the user's and the built-in one) define together. */
export function definedNames(files: readonly Plain[]): DefinedNames {
  const names: DefinedNames = {
    vhosts: new Map(),
    publications: new Set(),
    subscriptions: new Set(),
    vhostOf: { publication: new Map(), subscription: new Map() },
  };
  for (const file of files) {
    const { publications, subscriptions } = objectOf(file['defaults']);
    const fallback = (defaults: unknown) => stringOf(objectOf(defaults)['vhost']) ?? '/';
    addItems(names, file, { publication: fallback(publications), subscription: fallback(subscriptions) });
    for (const [name, value] of Object.entries(objectOf(file['vhosts']))) {
      // AMQP 0-9-1 specification, 3.1.3.1: the default exchange is in every vhost.
      const vhost = names.vhosts.get(name) ?? { exchanges: new Set(['']), queues: new Set() };
      names.vhosts.set(name, vhost);
      const { exchanges, queues } = objectOf(value);
      for (const member of membersOf(exchanges)) if (member.name !== undefined) vhost.exchanges.add(member.name);
      for (const member of membersOf(queues)) if (member.name !== undefined) vhost.queues.add(member.name);
      addItems(names, objectOf(value), { publication: name, subscription: name });
    }
  }
  return names;
}

/** Adds the publications and subscriptions of a file or a vhost. `vhost` is the vhost of items that do not name one. */
function addItems(names: DefinedNames, scope: Plain, vhost: { publication: string; subscription: string }): void {
  for (const kind of ['publication', 'subscription'] as const) {
    for (const [name, value] of Object.entries(objectOf(scope[`${kind}s`]))) {
      names[`${kind}s`].add(name);
      names.vhostOf[kind].set(name, stringOf(objectOf(value)['vhost']) ?? vhost[kind]);
    }
  }
}
