// Faults of the nodes of a cluster.

import type { Cluster } from '../../src/cluster/cluster.ts';
import { until } from '../support/until.ts';
import { afterOutageMs, type Fault, type Injected, type Stage, silentMs, visibleMs } from './fault.ts';
import { type Cut, cutLinks } from './partition.ts';
import type { Place } from './place.ts';

/** Returns the index of the node with the work queue's leader, or with the classic queue. */
async function leaderOf({ vhost, cluster }: Place): Promise<number> {
  const name = await until('the queue has a leader', async () => {
    const { leader, node } = (await vhost.api('GET', `/api/queues/${vhost.name}/faults`)) as {
      leader?: string;
      node?: string;
    };
    return leader || node;
  });
  return cluster().nodes.findIndex((node) => node.name === name);
}

async function kill({ place, isLong }: Stage, node: number): Promise<Injected> {
  const cluster = place.cluster();
  await cluster.kill(node);
  return { holdMs: isLong ? 20_000 : 6000, undo: () => cluster.start(node) };
}

/** Cuts links between nodes for a while; `cutsOf` receives the leader's node. */
async function partition({ place, isLong }: Stage, cutsOf: (leader: number) => readonly Cut[]): Promise<Injected> {
  const mend = await cutLinks(place.cluster(), cutsOf(await leaderOf(place)));
  const undo = async () => {
    await mend();
    await place.heal();
  };
  return { holdMs: isLong ? 60_000 : 20_000, undo };
}

/** Returns the indexes of the two other nodes. */
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
    inject: async (stage) => kill(stage, await leaderOf(stage.place)),
  },
  {
    name: "follower's node killed",
    on: 'cluster',
    targetMs: visibleMs,
    times: { short: 1, long: 10 },
    inject: async (stage) => kill(stage, ((await leaderOf(stage.place)) + 1 + stage.random.below(2)) % 3),
  },
  {
    name: "leader's node paused",
    on: 'cluster',
    targetMs: silentMs,
    times: { short: 1, long: 5 },
    inject: async ({ place, isLong }) => {
      const cluster = place.cluster();
      await cluster.pause(await leaderOf(place));
      return { holdMs: isLong ? 40_000 : 12_000, undo: cluster.heal };
    },
  },
  {
    // Its clients can still reach it and do not learn that the majority is on other nodes.
    name: "leader's node cut off",
    on: 'cluster',
    targetMs: silentMs,
    times: { short: 1, long: 5 },
    inject: async ({ place, isLong }) => {
      const cluster = place.cluster();
      await cluster.disconnect(await leaderOf(place));
      return { holdMs: isLong ? 60_000 : 12_000, undo: cluster.heal };
    },
  },
  {
    // No node has a majority, and every client can still reach its node.
    name: 'every node cut off',
    on: 'cluster',
    targetMs: afterOutageMs,
    times: { short: 1, long: 5 },
    inject: async ({ place, isLong }) => {
      const cluster = place.cluster();
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
    inject: (stage) =>
      partition(stage, (leader) =>
        others(leader).flatMap((other) => [
          { from: leader, to: other },
          { from: other, to: leader },
        ]),
      ),
  },
  {
    // The leader's node and another one cannot reach each other; the third reaches both.
    name: 'partition in a ring',
    on: 'cluster',
    needsRoot: true,
    targetMs: silentMs,
    times: { short: 1, long: 5 },
    inject: (stage) =>
      partition(stage, (leader) => [
        { from: leader, to: others(leader)[0] },
        { from: others(leader)[0], to: leader },
      ]),
  },
  {
    // The other nodes receive from the leader's node, and it receives nothing from them.
    name: 'partition one way',
    on: 'cluster',
    needsRoot: true,
    targetMs: silentMs,
    times: { short: 1, long: 5 },
    inject: (stage) => partition(stage, (leader) => others(leader).map((other) => ({ from: other, to: leader }))),
  },
  {
    name: 'rolling restart',
    on: 'cluster',
    targetMs: visibleMs,
    times: { short: 3, long: 12 },
    inject: async ({ place, random }) => {
      const cluster = place.cluster();
      // Each injection of a trial stops the next node; the first one is random.
      const node = nextNode.get(place) ?? random.below(3);
      nextNode.set(place, (node + 1) % 3);
      await cluster.stop(node);
      return { holdMs: 2000, undo: () => cluster.start(node) };
    },
  },
  {
    name: 'memory alarm',
    on: 'cluster',
    targetMs: visibleMs,
    times: { short: 1, long: 10 },
    inject: async ({ place, isLong, random }) => {
      const cluster = place.cluster();
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
    inject: async ({ place, isLong }) => {
      const cluster = place.cluster();
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
    inject: async ({ place, receivers }) => {
      const { vhost } = place;
      const before = receivers.interruptions;
      const queue = `rabbit_misc:r(<<"${vhost.name}">>, queue, <<"faults">>)`;
      const code = `{ok, Q} = rabbit_amqqueue:lookup(${queue}), exit(amqqueue:get_pid(Q), kill).`;
      await runOn(place.cluster(), await leaderOf(place), ['rabbitmqctl', 'eval', code]);
      await until('a receiver was cancelled', () => receivers.interruptions > before);
      return { holdMs: 0, undo: async () => undefined };
    },
  },
];

const nextNode = new WeakMap<Place, number>();
