// The embedded broker of a test file: in memory, in the file's process, with a clock that tests can advance. Its port
// opens at once; the broker and the topology of rascal.json are created at the first connection or publish, so that a
// file without either does not wait for them.

import { once as emitted } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Broker } from '../broker/server.ts';
import { MovableClock } from '../harness/clock.ts';
import type { FileTarget, Holdings, TargetPlan } from '../harness/target.ts';
import { isOwn } from './connection-name.ts';
import { type FileWorld, launchOf } from './world.ts';

/** The vhost has a name, because an address without one uses the vhost of rascal.json. */
const vhost = 'mq-test';

export async function openEmbedded(plan: TargetPlan, world: FileWorld): Promise<FileTarget> {
  const clock = new MovableClock();
  const sockets = new Set<Socket>();
  const door = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A client may close the connection while the broker starts.
    socket.on('error', () => undefined);
    opened().then(
      ({ broker }) => broker.take(socket),
      () => socket.destroy(),
    );
  });
  door.listen(0, '127.0.0.1');
  await emitted(door, 'listening');
  const { port } = door.address() as AddressInfo;

  let started: Broker | undefined;
  let management: { readonly port: number; close(): Promise<void> } | undefined;
  let queues: readonly string[] = [];
  let opening: ReturnType<typeof open> | undefined;
  const opened = () => (opening ??= open());
  let isTold = false;
  const fixtures = async () => {
    try {
      return (await opened()).fixtures;
    } catch (error) {
      isTold = true;
      throw error;
    }
  };
  const open = async () => {
    const [{ startBroker }, { topologyOf }, { sessionFixtures }] = await Promise.all([
      import('../broker/server.ts'),
      import('./topology.ts'),
      import('./fixtures.ts'),
    ]);
    const { config, declare, ...topology } = await topologyOf(plan, world);
    queues = topology.queues;
    const broker = await startBroker({ clock });
    started = broker;
    if (plan.self) management = await (await import('../broker/management.ts')).startManagement(broker);
    broker.addVhost(vhost);
    // This uses the broker's own port, because connections through the listening port wait for this function.
    const urls = [urlOf(broker.port)];
    await declare(urls);
    return { broker, fixtures: sessionFixtures(config, urls) };
  };
  // Only mq's own suites use the management API, and they need its port.
  if (plan.self) await opened();
  return {
    kind: 'embedded',
    urls: [urlOf(port)],
    managementUrls: management === undefined ? [] : [`http://guest:guest@127.0.0.1:${management.port}`],
    vhost,
    cluster: undefined,
    launch: launchOf(plan, world),
    advance: (milliseconds, withinMs) =>
      clock.advance(milliseconds, async () => {
        if (started !== undefined && withinMs > 0) await idle(started, withinMs);
      }),
    purge: () => (started === undefined ? undefined : emptied(started)),
    queues: async () => queues,
    look: async () => (started === undefined ? nothing : holdingsOf(started)),
    publish: async (...sent) => (await fixtures()).publish(...sent),
    request: async (...sent) => (await fixtures()).request(...sent),
    listen: async (...heard) => (await fixtures()).listen(...heard),
    deadLettersOf: async (...named) => (await fixtures()).deadLettersOf(...named),
    close: async () => {
      const closed = new Promise((resolve) => door.close(resolve));
      try {
        await (await opening)?.fixtures.close();
      } catch (error) {
        // Reports why it could not open, because a client of the user has only seen a closed connection.
        if (!isTold) throw error;
      } finally {
        await management?.close();
        await started?.close();
        for (const socket of sockets) socket.destroy();
        await closed;
      }
    },
  };
}

function urlOf(port: number): string {
  return `amqp://guest:guest@127.0.0.1:${port}/${vhost}`;
}

/** Waits until the roles of the tests have no unacknowledged message and no message is ready for them. */
async function idle(broker: Broker, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs;
  for (let busy = busyRole(broker); busy !== undefined; busy = busyRole(broker)) {
    if (performance.now() > end) {
      throw Object.assign(new Error(`not within ${withinMs} ms: the roles are idle; ${busy}`), {
        hint: 'clock.advance(milliseconds, { within: 0 }) does not wait for them',
      });
    }
    await delay(1);
  }
}

/** Describes a role that has a message or is about to receive one. */
function busyRole(broker: Broker): string | undefined {
  const receiving = new Map<unknown, string>();
  for (const connection of broker.connections) {
    const name = nameOf(connection);
    if (!name.startsWith('mq ') || isOwn(name)) continue;
    for (const { deliveries } of connection.channels.values()) {
      if (deliveries.held.size > 0) return `"${name}" has ${deliveries.held.size} unacknowledged`;
      receiving.set(deliveries, name);
    }
  }
  for (const { name, ready, consumers } of broker.addVhost(vhost).queues.values()) {
    if (ready.length === 0) continue;
    const next = [...consumers.all].find((one) => 'deliveries' in one && receiving.has(one.deliveries));
    if (next !== undefined) return `the queue "${name}" has ${ready.length} ready`;
  }
  return undefined;
}

/** Purges all queues, including messages that return from a client that has just ended. */
async function emptied(broker: Broker): Promise<void> {
  const queues = () => [...broker.addVhost(vhost).queues.values()];
  const end = performance.now() + comingBackMs;
  for (;;) {
    for (const queue of queues()) queue.purge();
    if (performance.now() > end || queues().every(({ unackedCount }) => unackedCount === 0)) return;
    await delay(1);
  }
}

/** Milliseconds after which messages that a client still holds are not purged. */
const comingBackMs = 250;

const nothing: Holdings = { connections: [], queues: [], exchanges: [], bindings: [] };

/** Returns the name that the client gave to the connection. */
function nameOf({ details }: Broker['connections'] extends Iterable<infer Connection> ? Connection : never): string {
  const { connection_name: name } = details.clientProperties as { connection_name?: unknown };
  return typeof name === 'string' ? name : '';
}

function holdingsOf(broker: Broker): Holdings {
  const { exchanges, queues } = broker.addVhost(vhost);
  return {
    connections: [...broker.connections]
      .map((connection) => {
        const channels = [...connection.channels.values()];
        return {
          name: [nameOf(connection), connection.name].filter(Boolean).join(' '),
          channels: channels.length,
          unacked: channels.reduce((sum, { deliveries }) => sum + deliveries.held.size, 0),
        };
      })
      .filter(({ name }) => !isOwn(name)),
    queues: [...queues.values()].map(({ name, ready, unackedCount }) => ({
      name,
      ready: ready.length,
      unacked: unackedCount,
    })),
    exchanges: [...exchanges.values()].map(({ name, type, alternate }) => ({
      name,
      type,
      ...(alternate && { alternate }),
    })),
    bindings: [...exchanges.values()].flatMap(({ name, bindings }) =>
      [...bindings.values()].map(({ destination, routingKey, arguments: all }) => ({
        source: name,
        destination: destination.name,
        destinationType: 'bindings' in destination ? ('exchange' as const) : ('queue' as const),
        key: routingKey,
        arguments: all.values,
      })),
    ),
  };
}
