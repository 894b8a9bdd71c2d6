// Describes the only node of the broker, with the fields that metrics exporters read.

import { readdir, readFile, statfs } from 'node:fs/promises';
import { availableParallelism, hostname, tmpdir } from 'node:os';
import { mechanismsOf } from '../../connection/handshake.ts';
import { exchangeTypes } from '../../routing/exchange.ts';
import type { Call } from '../route.ts';

export const nodeName = 'mq@localhost';

export const exchangeTypeItems = exchangeTypes.map((name) => ({ name, description: '', enabled: true }));

/** RabbitMQ's default. This broker has no disk alarm. */
const diskFreeLimit = 50_000_000;

export async function nodeItem({ broker, pid, dataFolder, listeners, rates }: Call): Promise<Record<string, unknown>> {
  const connections = [...broker.connections];
  const channels = connections.reduce((sum, connection) => sum + connection.channels.size, 0);
  const queues = [...broker.vhosts.values()].reduce((sum, vhost) => sum + vhost.queues.size, 0);
  const [diskFree, fdUsed, fdTotal] = await Promise.all([freeBytes(dataFolder), openFiles(), fileLimit()]);
  return {
    name: nodeName,
    type: 'disc',
    running: true,
    being_drained: false,
    ...(pid !== undefined && { os_pid: String(pid) }),
    uptime: Math.max(0, broker.clock.now() - broker.startedAt),
    processors: availableParallelism(),
    run_queue: 0,
    mem_used: broker.memory.usedBytes,
    mem_limit: broker.memory.limitBytes,
    mem_alarm: broker.memory.isHigh,
    ...(diskFree !== undefined && { disk_free: diskFree }),
    disk_free_limit: diskFreeLimit,
    disk_free_alarm: false,
    ...(fdUsed !== undefined && { fd_used: fdUsed }),
    ...(fdTotal !== undefined && { fd_total: fdTotal, sockets_total: fdTotal }),
    sockets_used: connections.length + listeners.length,
    // RabbitMQ counts Erlang processes, and has one for each of these objects.
    proc_used: connections.length + channels + queues,
    proc_total: 1_048_576,
    partitions: [],
    cluster_links: [],
    enabled_plugins: [],
    config_files: [],
    log_files: [],
    contexts: [],
    exchange_types: exchangeTypeItems,
    auth_mechanisms: mechanismsOf(broker.login).map((name) => ({ name, description: '', enabled: true })),
    db_dir: dataFolder ?? '',
    applications: [{ name: 'mq', description: `mq on ${hostname()}`, version: broker.version }],
    rates_mode: 'basic',
    ...rates.details(broker.churn, broker.churn),
  };
}

/** Returns the free space of the disk with the store, or of the disk with temporary files if the broker has no store. */
async function freeBytes(folder = tmpdir()): Promise<number | undefined> {
  const disk = await statfs(folder).catch(() => undefined);
  return disk && disk.bavail * disk.bsize;
}

/** Resolves to `undefined` on systems other than Linux. */
async function openFiles(): Promise<number | undefined> {
  const files = await readdir('/proc/self/fd').catch(() => undefined);
  return files?.length;
}

async function fileLimit(): Promise<number | undefined> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const limit = /^Max open files +(\d+)/m.exec(limits)?.[1];
  return limit === undefined ? undefined : Number(limit);
}
