// The embedded broker as a test file's own: in memory, in the file's process, with a clock that tests can move.

import { MovableClock } from '../harness/clock.ts';
import type { Holdings } from '../harness/target.ts';
import { isOwn } from './test-session.ts';
import type { Place } from './test-target.ts';

/** `isManaged`: with its HTTP API. */
export async function startEmbedded({ isManaged }: { isManaged: boolean }): Promise<Place> {
  const { startBroker } = await import('../broker/server.ts');
  const clock = new MovableClock();
  const broker = await startBroker({ clock });
  // With a name: an address without one leaves it to rascal.json.
  const vhost = broker.addVhost('mq-test');
  const management = isManaged ? await (await import('../broker/management.ts')).startManagement(broker) : undefined;
  const look = async (): Promise<Holdings> => {
    const exchanges = [...vhost.exchanges.values()];
    return {
      connections: [...broker.connections]
        .map((connection) => {
          const { connection_name: name } = connection.details.clientProperties as { connection_name?: unknown };
          const channels = [...connection.channels.values()];
          return {
            name: [typeof name === 'string' ? name : '', connection.name].filter(Boolean).join(' '),
            channels: channels.length,
            unacked: channels.reduce((sum, { deliveries }) => sum + deliveries.held.size, 0),
          };
        })
        .filter(({ name }) => !isOwn(name)),
      queues: [...vhost.queues.values()].map(({ name, ready, unackedCount }) => ({
        name,
        ready: ready.length,
        unacked: unackedCount,
      })),
      exchanges: exchanges.map(({ name, type, alternate }) => ({ name, type, ...(alternate && { alternate }) })),
      bindings: exchanges.flatMap(({ name, bindings }) =>
        [...bindings.values()].map(({ destination, routingKey, arguments: all }) => ({
          source: name,
          destination: destination.name,
          destinationType: 'bindings' in destination ? ('exchange' as const) : ('queue' as const),
          key: routingKey,
          arguments: all.values,
        })),
      ),
    };
  };
  return {
    urls: [`amqp://guest:guest@${broker.host}:${broker.port}/${vhost.name}`],
    managementUrls: management === undefined ? [] : [`http://guest:guest@127.0.0.1:${management.port}`],
    vhost: vhost.name,
    advance: (milliseconds) => clock.advance(milliseconds),
    cluster: undefined,
    look,
    close: async () => {
      await management?.close();
      await broker.close();
    },
  };
}
