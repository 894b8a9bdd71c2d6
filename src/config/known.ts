// The names that a file defines, for the checks of what refers to them.

import { membersOf, objectOf, type Plain } from './plain.ts';

export interface KnownVhost {
  readonly exchanges: Set<string>;
  readonly queues: Set<string>;
}

export interface Known {
  readonly vhosts: Map<string, KnownVhost>;
  readonly publications: Set<string>;
  readonly subscriptions: Set<string>;
}

/** The names in all the files together: the user's and the built-in one. */
export function namesIn(files: readonly Plain[]): Known {
  const known: Known = { vhosts: new Map(), publications: new Set(), subscriptions: new Set() };
  for (const file of files) {
    addNames(known, file);
    for (const [name, value] of Object.entries(objectOf(file['vhosts']))) {
      // AMQP 0-9-1, 3.1.3.1: the default exchange is in every vhost.
      const vhost = known.vhosts.get(name) ?? { exchanges: new Set(['']), queues: new Set() };
      known.vhosts.set(name, vhost);
      const { exchanges, queues } = objectOf(value);
      for (const member of membersOf(exchanges)) if (member.name !== undefined) vhost.exchanges.add(member.name);
      for (const member of membersOf(queues)) if (member.name !== undefined) vhost.queues.add(member.name);
      addNames(known, objectOf(value));
    }
  }
  return known;
}

function addNames(known: Known, { publications, subscriptions }: Plain): void {
  for (const name of Object.keys(objectOf(publications))) known.publications.add(name);
  for (const name of Object.keys(objectOf(subscriptions))) known.subscriptions.add(name);
}
