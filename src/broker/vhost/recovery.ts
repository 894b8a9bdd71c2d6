// What a store had kept becomes virtual hosts, users, exchanges, queues, bindings and messages again.

import { Arguments } from '../codec/arguments.ts';
import { scanProperties } from '../codec/properties.ts';
import { Message } from '../queue/message.ts';
import type { Policy, PolicyKind } from '../queue/policies.ts';
import type { ExchangeType } from '../routing/exchange.ts';
import type { Definition, Store, StoredEntry, StoredMessage } from '../store/contract.ts';
import type { VhostMetadata } from './declarations.ts';
import type { Users } from './users.ts';
import { type Shared, VirtualHost } from './vhost.ts';

interface Target {
  readonly vhosts: Map<string, VirtualHost>;
  readonly users: Users;
  readonly surroundings: Shared;
}

/** The keys of queues and exchanges whose definitions cannot be recovered. What belongs to them stays in the store. */
type SetAside = ReadonlySet<string>;

/** Written as the last record of a broker that ended in order. */
const closed: Definition = { kind: 'closed', key: '', value: true };

export function markClosed(store: Store | undefined): void {
  store?.define(closed);
}

/** Removes the mark. Resolves when that is on disk. */
export async function markOpen(store: Store | undefined): Promise<void> {
  store?.undefine(closed.kind, closed.key);
  await new Promise<void>((done) => (store === undefined ? done() : store.committed(() => done())));
}

export function recover(recovered: Store['recovered'], target: Target): void {
  const { vhosts } = target;
  const { log } = target.surroundings;
  const wasClosed = recovered.definitions.some(({ kind }) => kind === closed.kind);
  const aside = new Set<string>();
  for (const kind of ['vhost', 'user', 'permission', 'topic-permission', 'policy', 'exchange', 'queue', 'binding']) {
    for (const definition of recovered.definitions) {
      if (definition.kind !== kind) continue;
      const what = `the ${kind} '${definition.key.replaceAll('\0', ' ')}'`;
      if (!succeeds(what, log, () => define(definition, target, aside))) aside.add(definition.key);
    }
  }
  const queues = new Map(
    [...vhosts.values()].flatMap((vhost) => [...vhost.queues.values()]).map((queue) => [queue.key, queue]),
  );
  const messages = new Map<number, Message>();
  // A quorum queue has what came back in its own order, before all others. A classic queue has one order.
  const isReturned = ({ queue, returns }: StoredEntry) =>
    returns.acquiredCount > 0 && queues.get(queue)?.settings.type === 'quorum';
  const returned = recovered.entries.filter(isReturned);
  returned.sort((one, other) => one.returns.order - other.returns.order);
  const ordered = [...recovered.entries.filter((entry) => !isReturned(entry)), ...returned];
  for (const { message: stored, queue: key, returns, expiresAt } of ordered) {
    const queue = queues.get(key);
    if (queue === undefined) {
      if (aside.has(key)) continue;
      // The broker ended between a queue's end and that of its messages.
      target.surroundings.store?.drop(key);
      continue;
    }
    succeeds(`a message of ${queue.what}`, log, () => {
      const message = messages.get(stored.id) ?? messageOf(stored);
      messages.set(stored.id, message);
      // No record is made of a delivery: after a crash every message may have been delivered. A broker that ends in order
      // counts what comes back from its connections.
      queue.recover(message, {
        storeId: stored.id,
        expiresAt,
        returns,
        redelivered: !wasClosed || returns.acquiredCount > 0,
      });
    });
  }
  recovered.definitions.length = 0;
  recovered.entries.length = 0;
}

/** Returns the patterns of permissions and policies, whose engine has to be loaded before `recover`. */
export function patternsOf(definitions: readonly Definition[]): string[] {
  return definitions
    .filter(({ kind }) => ['permission', 'topic-permission', 'policy'].includes(kind))
    .map(({ value }) => value as Readonly<Record<string, unknown>>)
    .flatMap(({ configure, write, read, pattern }) => [configure, write, read, pattern])
    .filter((pattern) => typeof pattern === 'string');
}

/** Does the work. If it throws, reports that the record is set aside, which means that it stays in the store unused. */
function succeeds(what: string, log: Shared['log'], work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    log(`the store: ${what} cannot be recovered and is set aside: ${(error as Error).message}`);
    return false;
  }
}

function define({ kind, key, value }: Definition, { vhosts, users, surroundings }: Target, aside: SetAside): void {
  const fields = value as Readonly<Record<string, unknown>>;
  if (['user', 'permission', 'topic-permission'].includes(kind)) {
    users.recover(kind, fields);
    return;
  }
  if (kind === 'vhost') {
    const name = String(fields['name']);
    const vhost = new VirtualHost(name, surroundings);
    // An older mq kept nothing but the name.
    const { name: _, ...metadata } = fields;
    vhost.metadata = { ...vhost.metadata, ...(metadata as Partial<VhostMetadata>) };
    vhosts.set(name, vhost);
    return;
  }
  const vhost = vhosts.get(String(fields['vhost']));
  if (vhost === undefined) {
    if (aside.has(String(fields['vhost']))) throw new Error('its virtual host is set aside');
    // The broker ended between the end of a virtual host and that of what it held.
    surroundings.store?.undefine(kind, key);
    return;
  }
  if (kind === 'policy') {
    const { kind: which, vhost: _, ...policy } = value as Policy & { kind: PolicyKind; vhost: string };
    vhost.addPolicy(which, policy);
    return;
  }
  const all = Arguments.decode(Buffer.from(String(fields['arguments']), 'base64'));
  const parts = { durable: true, autoDelete: fields['autoDelete'] === true, arguments: all };
  if (kind === 'exchange') {
    vhost.addExchange({
      ...parts,
      exchange: String(fields['exchange']),
      type: fields['type'] as ExchangeType,
      internal: fields['internal'] === true,
    });
  } else if (kind === 'queue')
    vhost.addQueue({ ...parts, queue: String(fields['queue']), exclusive: false }, undefined);
  else {
    const [source, destination] = [String(fields['source']), String(fields['destination'])];
    const isQueue = fields['isQueue'] === true;
    // The broker ended between the end of a queue or an exchange and that of its bindings.
    if (!vhost.exchanges.has(source) || !(isQueue ? vhost.queues : vhost.exchanges).has(destination)) {
      const isAside = [source, destination].some((name) => aside.has(`${vhost.name}\0${name}`));
      if (!isAside) surroundings.store?.undefine(kind, key);
      return;
    }
    vhost.addBinding({ source, destination, isQueue, routingKey: String(fields['routingKey']), arguments: all });
  }
}

function messageOf(stored: StoredMessage): Message {
  const scan = scanProperties(stored.content, 0, stored.propertiesLength);
  return new Message({
    ...stored,
    persistent: scan.deliveryMode === 2,
    priority: scan.priority,
    expirationMs: scan.expiration === undefined ? undefined : Number(scan.expiration),
  });
}
