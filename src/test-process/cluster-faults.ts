// Implements the cluster faults of tests for a cluster in containers.

import type { Cluster } from '../cluster/cluster.ts';
import { MqError } from '../errors.ts';
import type { ClusterFaults } from '../harness/target.ts';

/** Attaches to the cluster when a fault is first used. */
export function clusterFaults(name: string, nodes: number): ClusterFaults {
  let found: Promise<Cluster> | undefined;
  const alarmed = new Set<number>();
  const cluster = () => {
    found ??= import('../cluster/cluster.ts').then(({ attachCluster }) => attachCluster({ name }));
    return found;
  };
  const watermark = async (node: number, value: readonly string[]) => {
    const command = ['rabbitmqctl', '-q', 'set_vm_memory_high_watermark', ...value];
    const { exitCode, output } = await (await cluster()).exec(node, command);
    if (exitCode !== 0) throw new MqError('SYSTEM', `setting the alarm of node ${node}: ${output.trim()}`);
  };
  return {
    nodes,
    kill: async (node) => (await cluster()).kill(node),
    stop: async (node) => (await cluster()).stop(node),
    start: async (node) => (await cluster()).start(node),
    pause: async (node) => (await cluster()).pause(node),
    unpause: async (node) => (await cluster()).unpause(node),
    disconnect: async (node) => (await cluster()).disconnect(node),
    reconnect: async (node) => (await cluster()).reconnect(node),
    partition: async (parted) => {
      const all = await cluster();
      await Promise.all(parted.map((node) => all.disconnect(node)));
    },
    alarm: async (node) => {
      alarmed.add(node);
      await watermark(node, ['absolute', '1MiB']);
    },
    heal: async () => {
      const all = await cluster();
      await all.heal();
      // This is the value of cluster/settings.ts.
      await Promise.all([...alarmed].map((node) => watermark(node, ['absolute', '512MiB'])));
      alarmed.clear();
    },
    logs: async (since) => {
      const all = await cluster();
      const texts = await Promise.all(
        all.nodes.map(async ({ host }, index) => {
          const text = await all.logs(index, mostLines).catch((error: unknown) => String(error));
          const lines = text.split('\n').filter((line) => isNews(line, since));
          return lines.length === 0 ? '' : [`${host}:`, ...lines.slice(-shownLines)].join('\n  ');
        }),
      );
      return texts.filter(Boolean).join('\n');
    },
  };
}

const mostLines = 500;
const shownLines = 20;

/**
 * Reports whether a line of RabbitMQ's log is new and more than information:
 * `2026-01-31 12:00:00.000000+00:00 [warning] …`.
 */
function isNews(line: string, since: Date): boolean {
  const [, date, time, level] = /^(\S+) (\S+) \[(\w+)\]/.exec(line) ?? [];
  if (level === undefined || level === 'info' || level === 'debug') return false;
  return new Date(`${date}T${time}`) >= since;
}
