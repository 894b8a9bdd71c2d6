// Defines the faults of mq's own processes, of connections and of queues, and the kill of the embedded broker.

import { until } from '../support/until.ts';
import { afterOutageMs, type Fault, type FaultContext, type Injected, visibleMs } from './fault.ts';
import { withClient } from './trial-broker.ts';

/** The result of a fault that has already ended. */
const over: Injected = { holdMs: 0, undo: async () => undefined };

/** Closes every connection of mq's roles through the management API. */
async function closeConnections({ broker: { vhost }, sender }: FaultContext): Promise<Injected> {
  const names = await until('the connections are listed', async () => {
    const found = (await vhost.api('GET', `/api/vhosts/${vhost.name}/connections`)) as { name: string }[];
    return found.length > 0 && found.map(({ name }) => name);
  });
  sender.burst();
  await Promise.all(
    names.map((name) =>
      vhost.api('DELETE', `/api/connections/${encodeURIComponent(name)}`).catch((error: unknown) => {
        // 404: the connection was closed after it was listed.
        if (!String(error).includes(': 404 ')) throw error;
      }),
    ),
  );
  return over;
}

/** Waits until `isRight` returns true for the number of ready messages in the queue. */
function ready(broker: FaultContext['broker'], what: string, isRight: (count: number) => boolean): Promise<void> {
  return withClient(broker, async (connection) => {
    const channel = await connection.createChannel();
    await until(what, async () => isRight((await channel.checkQueue('faults')).messageCount));
  });
}

export const roleFaults: readonly Fault[] = [
  {
    name: 'connections closed by management',
    on: 'both',
    targetMs: visibleMs,
    times: { short: 5, long: 50 },
    inject: closeConnections,
  },
  {
    name: 'connections closed, in order',
    on: 'both',
    ordered: true,
    targetMs: visibleMs,
    times: { short: 3, long: 50 },
    inject: closeConnections,
  },
  {
    name: 'connections closed, classic queue',
    on: 'both',
    queueType: 'classic',
    targetMs: visibleMs,
    times: { short: 3, long: 50 },
    inject: closeConnections,
  },
  {
    name: 'kill -9 of a receiver',
    on: 'both',
    targetMs: visibleMs,
    times: { short: 3, long: 200 },
    inject: async ({ receivers, random }) => {
      await receivers.replace(random.below(receivers.count), 'SIGKILL');
      return over;
    },
  },
  {
    name: 'kill -9 of the publisher',
    on: 'both',
    targetMs: visibleMs,
    times: { short: 3, long: 200 },
    inject: async ({ sender, random }) => {
      await sender.replace('SIGKILL', random.below(40));
      return over;
    },
  },
  {
    name: 'SIGTERM of any role',
    on: 'both',
    targetMs: visibleMs,
    times: { short: 6, long: 200 },
    inject: async ({ sender, receivers, random }) => {
      if (random.chance(0.5)) await sender.replace('SIGTERM', random.below(40));
      else await receivers.replace(random.below(receivers.count), 'SIGTERM');
      return over;
    },
  },
  {
    name: 'SIGTERM while a role starts',
    on: 'both',
    targetMs: visibleMs,
    times: { short: 3, long: 200 },
    inject: async ({ sender, receivers, random }) => {
      const slot = random.below(receivers.count);
      await receivers.startAndEnd(slot, random.below(500));
      await sender.replace('SIGTERM', random.below(40));
      await sender.replace('SIGTERM', random.below(500));
      return over;
    },
  },
  {
    name: 'SIGTERM of receivers with --exec',
    on: 'both',
    exec: true,
    targetMs: visibleMs,
    times: { short: 3, long: 100 },
    inject: async ({ receivers, random }) => {
      await receivers.replace(random.below(receivers.count), 'SIGTERM');
      return over;
    },
  },
  {
    name: 'kill -9 of receivers with --exec',
    on: 'both',
    exec: true,
    targetMs: visibleMs,
    times: { short: 3, long: 100 },
    inject: async ({ receivers, random }) => {
      await receivers.replace(random.below(receivers.count), 'SIGKILL');
      return over;
    },
  },
  {
    name: 'receivers frozen',
    on: 'both',
    targetMs: afterOutageMs,
    times: { short: 1, long: 20 },
    inject: async ({ receivers, isLong }) => {
      receivers.signal('SIGSTOP');
      return { isOutage: true, holdMs: isLong ? 40_000 : 6000, undo: async () => receivers.signal('SIGCONT') };
    },
  },
  {
    name: 'queue full, publishes rejected',
    on: 'both',
    queueArguments: { 'x-max-length': 200, 'x-overflow': 'reject-publish' },
    refuses: true,
    targetMs: visibleMs,
    times: { short: 2, long: 50 },
    inject: async ({ broker, receivers, sender }) => {
      receivers.signal('SIGSTOP');
      await ready(broker, 'the queue is full', (count) => count >= 200);
      await sender.answered();
      return { isOutage: true, holdMs: 1000, undo: async () => receivers.signal('SIGCONT') };
    },
  },
  {
    name: 'queue unbound',
    on: 'both',
    refuses: true,
    targetMs: visibleMs,
    times: { short: 2, long: 50 },
    inject: async ({ broker, sender }) => {
      const change = (how: 'bindQueue' | 'unbindQueue') =>
        withClient(broker, async (connection) => {
          const channel = await connection.createChannel();
          await channel[how]('faults', 'faults', 'work');
          await channel.close();
        });
      await change('unbindQueue');
      await sender.answered();
      await ready(broker, 'the messages routed before are handled', (count) => count === 0);
      return { isOutage: true, holdMs: 1000, undo: () => change('bindQueue') };
    },
  },
  {
    name: 'kill -9 of the broker',
    on: 'embedded',
    targetMs: afterOutageMs,
    times: { short: 2, long: 50 },
    inject: async ({ broker: { server }, sender, isLong }) => {
      sender.burst();
      await server.kill();
      return { isOutage: true, holdMs: isLong ? 5000 : 1000, undo: server.start };
    },
  },
];
