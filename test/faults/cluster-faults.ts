// Defines the faults of cluster nodes.

import type { Cluster } from '../../src/cluster/cluster.ts';
import { until } from '../support/until.ts';
import { afterOutageMs, type Fault, type FaultContext, type Injected, silentMs, visibleMs } from './fault.ts';
import { type Cut, cutLinks } from './partition.ts';
import type { TrialBroker } from './trial-broker.ts';

/** Returns the index of the node that runs the leader of the quorum queue, or the classic queue. */
async function leaderOf({ vhost, cluster }: TrialBroker): Promise<number> {
  const name = await until('the queue has a leader', async () => {
    const { leader, node } = (await vhost.api('GET', `/api/queues/${vhost.name}/faults`)) as {
      leader?: string;
      node?: string;
    };
    return leader || node;
  });
  return cluster().nodes.findIndex((node) => node.name === name);
}

async function kill({ broker, isLong }: FaultContext, node: number): Promise<Injected> {
  const cluster = broker.cluster();
  await cluster.kill(node);
  return { holdMs: isLong ? 20_000 : 6000, undo: () => cluster.start(node) };
}

/** Cuts links between nodes for a while. `cutsOf` receives the index of the leader's node. */
async function partition(
  { broker, isLong }: FaultContext,
  cutsOf: (leader: number) => readonly Cut[],
): Promise<Injected> {
  const restoreLinks = await cutLinks(broker.cluster(), cutsOf(await leaderOf(broker)));
  const undo = async () => {
    await restoreLinks();
    await broker.heal();
  };
  return { holdMs: isLong ? 60_000 : 20_000, undo };
}

/** Returns the indexes of the other two nodes. */
const others = (node: number): readonly [number, number] => [(node + 1) % 3, (node + 2) % 3];

async function runOn(cluster: Cluster, node: number, command: readonly string[]): Promise<string> {
  const { exitCode, output } = await cluster.exec(node, command);
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${exitCode} ${output}`);
  return output;
}

export const clusterFaults: readonly Fault[] = [
  {
    name: "leader's node killed",
    on: 'cluster',
    targetMs: visibleMs,
    times: { short: 1, long: 10 },
    inject: async (context) => kill(context, await leaderOf(context.broker)),
  },
  {
    name: "follower's node killed",
    on: 'cluster',
    targetMs: visibleMs,
    times: { short: 1, long: 10 },
    inject: async (context) => kill(context, ((await leaderOf(context.broker)) + 1 + context.random.below(2)) % 3),
  },
  {
    name: "leader's node paused",
    on: 'cluster',
    targetMs: silentMs,
    times: { short: 1, long: 5 },
    inject: async ({ broker, isLong }) => {
      const cluster = broker.cluster();
      await cluster.pause(await leaderOf(broker));
      return { holdMs: isLong ? 40_000 : 12_000, undo: cluster.heal };
    },
  },
  {
    // The clients of this node stay connected to it, although the majority is on the other nodes.
    name: "leader's node cut off",
    on: 'cluster',
    targetMs: silentMs,
    times: { short: 1, long: 5 },
    inject: async ({ broker, isLong }) => {
      const cluster = broker.cluster();
      await cluster.disconnect(await leaderOf(broker));
      return { holdMs: isLong ? 60_000 : 12_000, undo: cluster.heal };
    },
  },
  {
    // No node has a majority, but all clients stay connected to their nodes.
    name: 'every node cut off',
    on: 'cluster',
    targetMs: afterOutageMs,
    times: { short: 1, long: 5 },
    inject: async ({ broker, isLong }) => {
      const cluster = broker.cluster();
      await Promise.all(cluster.nodes.map((_, node) => cluster.disconnect(node)));
      return { isOutage: true, holdMs: isLong ? 30_000 : 12_000, undo: cluster.heal };
    },
  },
  {
    name: 'partition in halves',
    on: 'cluster',
    needsRoot: true,
    targetMs: silentMs,
    times: { short: 1, long: 5 },
    inject: (context) =>
      partition(context, (leader) =>
        others(leader).flatMap((other) => [
          { from: leader, to: other },
          { from: other, to: leader },
        ]),
      ),
  },
  {
    // The leader's node and a second node cannot reach each other. The third node can reach both.
    name: 'partition in a ring',
    on: 'cluster',
    needsRoot: true,
    targetMs: silentMs,
    times: { short: 1, long: 5 },
    inject: (context) =>
      partition(context, (leader) => [
        { from: leader, to: others(leader)[0] },
        { from: others(leader)[0], to: leader },
      ]),
  },
  {
    // The other nodes receive packets from the leader's node, but the leader's node receives nothing from them.
    name: 'partition one way',
    on: 'cluster',
    needsRoot: true,
    targetMs: silentMs,
    times: { short: 1, long: 5 },
    inject: (context) => partition(context, (leader) => others(leader).map((other) => ({ from: other, to: leader }))),
  },
  {
    name: 'rolling restart',
    on: 'cluster',
    targetMs: visibleMs,
    times: { short: 3, long: 12 },
    inject: async ({ broker, random }) => {
      const cluster = broker.cluster();
      // Each injection of a trial stops the next node, beginning with a random one.
      const node = nextNode.get(broker) ?? random.below(3);
      nextNode.set(broker, (node + 1) % 3);
      await cluster.stop(node);
      return { holdMs: 2000, undo: () => cluster.start(node) };
    },
  },
  {
    name: 'memory alarm',
    on: 'cluster',
    targetMs: visibleMs,
    times: { short: 1, long: 10 },
    inject: async ({ broker, isLong, random }) => {
      const cluster = broker.cluster();
      const node = random.below(3);
      const set = (watermark: string) =>
        runOn(cluster, node, ['rabbitmqctl', 'set_vm_memory_high_watermark', watermark]);
      await set('0.000001');
      return { isOutage: true, holdMs: isLong ? 20_000 : 6000, undo: () => set('0.6') };
    },
  },
  {
    name: 'whole cluster down',
    on: 'cluster',
    targetMs: afterOutageMs,
    times: { short: 1, long: 3 },
    inject: async ({ broker, isLong }) => {
      const cluster = broker.cluster();
      await Promise.all(cluster.nodes.map((_, node) => cluster.kill(node)));
      return { isOutage: true, holdMs: isLong ? 60_000 : 20_000, undo: cluster.heal };
    },
  },
  {
    // RabbitMQ sends basic.cancel to the consumers of a classic queue whose process has died, and restarts the process.
    name: 'consumers cancelled by the broker',
    on: 'cluster',
    queueType: 'classic',
    targetMs: visibleMs,
    times: { short: 3, long: 50 },
    inject: async ({ broker, receivers }) => {
      const { vhost } = broker;
      const before = receivers.interruptions;
      const queue = `rabbit_misc:r(<<"${vhost.name}">>, queue, <<"faults">>)`;
      const code = `{ok, Q} = rabbit_amqqueue:lookup(${queue}), exit(amqqueue:get_pid(Q), kill).`;
      await runOn(broker.cluster(), await leaderOf(broker), ['rabbitmqctl', 'eval', code]);
      await until('a receiver was cancelled', () => receivers.interruptions > before);
      return { holdMs: 0, undo: async () => undefined };
    },
  },
];

const nextNode = new WeakMap<TrialBroker, number>();
