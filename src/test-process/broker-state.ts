// Reads and purges the content of the vhost of an embedded broker.

import type { Broker } from '../broker/server.ts';
import type { VhostBinding, VhostContent } from '../harness/target.ts';
import { pause, time } from '../time.ts';
import { isOwn } from './connection-name.ts';

type Vhost = NonNullable<ReturnType<Broker['vhosts']['get']>>;
type Connections = Broker['connections'];
type Connection = Connections extends Iterable<infer One> ? One : never;

export interface VhostState {
  readonly vhost: Vhost;
  readonly connections: Connections;
}

/**
 * Waits until the roles of the tests have no unacknowledged message and their queues have no ready message.
 * `pendingFault` describes a fault whose effect has not ended yet.
 */
export async function waitForRoles(
  state: VhostState,
  withinMs: number,
  pendingFault: () => string | undefined = () => undefined,
): Promise<void> {
  const end = time.now() + withinMs;
  const next = () => busyRole(state) ?? pendingFault();
  for (let busy = next(); busy !== undefined; busy = next()) {
    if (time.now() > end) {
      throw Object.assign(new Error(`the roles were not idle within ${withinMs} ms: ${busy}`), {
        hint: 'clock.advance(milliseconds, { within: 0 }) does not wait for them',
      });
    }
    await pause(1);
  }
}

/** Describes a role that has a message or will receive one. Returns `undefined` if all roles are idle. */
function busyRole({ vhost, connections }: VhostState): string | undefined {
  const receiving = new Set<unknown>();
  for (const connection of connections) {
    const name = nameOf(connection);
    if (!name.startsWith('mq ') || isOwn(name)) continue;
    for (const { deliveries } of connection.channels.values()) {
      const { size } = deliveries.unacked;
      if (size > 0) return `"${name}" has ${size} unacknowledged ${messages(size)}`;
      for (const consumer of deliveries.consumers.values()) receiving.add(consumer);
    }
  }
  for (const { name, undelivered, consumers } of vhost.queues.values()) {
    if (undelivered === 0) continue;
    const hasRole = [...consumers.all].some((consumer) => receiving.has(consumer));
    if (hasRole) return `the queue "${name}" has ${undelivered} ready ${messages(undelivered)}`;
  }
  return undefined;
}

function messages(count: number): string {
  return count === 1 ? 'message' : 'messages';
}

/** Purges all queues, including messages that are requeued by a client that has just ended. */
export async function purgeQueues({ vhost }: VhostState): Promise<void> {
  const queues = () => [...vhost.queues.values()];
  const end = time.now() + requeueMs;
  for (;;) {
    for (const queue of queues()) queue.reset();
    if (time.now() > end || queues().every(({ unackedCount }) => unackedCount === 0)) return;
    await pause(1);
  }
}

/** Messages that are still unacknowledged after this many milliseconds are not purged. */
const requeueMs = 250;

export function contentOf(state: VhostState | undefined): VhostContent {
  if (state === undefined) return { connections: [], queues: [], exchanges: [], bindings: [] };
  const { exchanges, queues } = state.vhost;
  return {
    connections: [...state.connections]
      .map((connection) => {
        const channels = [...connection.channels.values()];
        return {
          name: [nameOf(connection), connection.name].filter(Boolean).join(' '),
          channels: channels.length,
          unacked: channels.reduce((sum, { deliveries }) => sum + deliveries.unacked.size, 0),
        };
      })
      .filter(({ name }) => !isOwn(name)),
    queues: [...queues.values()].map(({ name, readyCount: ready, unackedCount: unacked }) => ({
      name,
      ready,
      unacked,
    })),
    exchanges: [...exchanges.values()].map(({ name, type, alternate }) => ({
      name,
      type,
      ...(alternate && { alternate }),
    })),
    bindings: [...exchanges.values()].flatMap(bindingsOf),
  };
}

function bindingsOf({ name, bindings }: { name: string; bindings: ReadonlyMap<unknown, Binding> }): VhostBinding[] {
  return [...bindings.values()].map(({ destination, routingKey, arguments: all }) => ({
    source: name,
    destination: destination.name,
    destinationType: 'bindings' in destination ? 'exchange' : 'queue',
    key: routingKey,
    arguments: all.values,
  }));
}

type Exchange = Vhost['exchanges'] extends ReadonlyMap<string, infer One> ? One : never;
type Binding = Exchange['bindings'] extends ReadonlyMap<string, infer One> ? One : never;

/** Returns the name that the client gave to the connection. */
function nameOf({ details }: Connection): string {
  const { connection_name: name } = details.clientProperties;
  return typeof name === 'string' ? name : '';
}
