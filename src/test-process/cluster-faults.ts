// Implements the cluster faults of `mq/test` for a cluster in containers.

import type { Cluster } from '../cluster/cluster.ts';
import { MqError } from '../errors.ts';
import type { ClusterFaults } from '../harness/target.ts';

/** Attaches to the cluster when a fault is first used. */
export class ContainerFaults implements ClusterFaults {
  readonly nodes: number;
  readonly #name: string;
  readonly #alarmed = new Set<number>();
  #attached: Promise<Cluster> | undefined;

  constructor(name: string, nodes: number) {
    this.#name = name;
    this.nodes = nodes;
  }

  async kill(node: number): Promise<void> {
    await (await this.#cluster()).kill(node);
  }

  async stop(node: number): Promise<void> {
    await (await this.#cluster()).stop(node);
  }

  async start(node: number): Promise<void> {
    await (await this.#cluster()).start(node);
  }

  async pause(node: number): Promise<void> {
    await (await this.#cluster()).pause(node);
  }

  async unpause(node: number): Promise<void> {
    await (await this.#cluster()).unpause(node);
  }

  async disconnect(node: number): Promise<void> {
    await (await this.#cluster()).disconnect(node);
  }

  async reconnect(node: number): Promise<void> {
    await (await this.#cluster()).reconnect(node);
  }

  async partition(nodes: readonly number[]): Promise<void> {
    const cluster = await this.#cluster();
    await Promise.all(nodes.map((node) => cluster.disconnect(node)));
  }

  async alarm(node: number): Promise<void> {
    this.#alarmed.add(node);
    await this.#setWatermark(node, '1MiB');
  }

  async heal(): Promise<void> {
    const cluster = await this.#cluster();
    await cluster.heal();
    // cluster/settings.ts sets the same value.
    await Promise.all([...this.#alarmed].map((node) => this.#setWatermark(node, '512MiB')));
    this.#alarmed.clear();
  }

  async logs(since: Date): Promise<string> {
    const cluster = await this.#cluster();
    const texts = await Promise.all(
      cluster.nodes.map(async ({ host }, index) => {
        const text = await cluster.logs(index, readLines).catch((error: unknown) => String(error));
        const lines = text.split('\n').filter((line) => isRelevant(line, since));
        return lines.length === 0 ? '' : [`${host}:`, ...lines.slice(-shownLines)].join('\n  ');
      }),
    );
    return texts.filter(Boolean).join('\n');
  }

  #cluster(): Promise<Cluster> {
    this.#attached ??= import('../cluster/cluster.ts').then(({ attachCluster }) => attachCluster({ name: this.#name }));
    return this.#attached;
  }

  async #setWatermark(node: number, bytes: string): Promise<void> {
    const command = ['rabbitmqctl', '-q', 'set_vm_memory_high_watermark', 'absolute', bytes];
    const { exitCode, output } = await (await this.#cluster()).exec(node, command);
    if (exitCode !== 0) throw new MqError('SYSTEM', `cannot set the memory alarm of node ${node}: ${output.trim()}`);
  }
}

/** Number of log lines that are read from each node, and number of lines that are returned. */
const readLines = 500;
const shownLines = 20;

/**
 * Reports whether a line of RabbitMQ's log is new and its level is above info:
 * `2026-01-31 12:00:00.000000+00:00 [warning] …`.
 */
function isRelevant(line: string, since: Date): boolean {
  const [, date, time, level] = /^(\S+) (\S+) \[(\w+)\]/.exec(line) ?? [];
  if (level === undefined || level === 'info' || level === 'debug') return false;
  return new Date(`${date}T${time}`) >= since;
}
