// Provides the cluster of a test file: the cluster of the run, or a new one.

import { attachCluster, type Cluster } from '../../src/cluster/cluster.ts';
import { startCluster } from '../../src/cluster/start.ts';

export interface TestCluster {
  readonly cluster: Cluster;
  /** Heals the shared cluster for the next file, or removes the cluster of this file. */
  release(): Promise<void>;
}

/** Returns the image of the shared cluster, for a test that starts a node of its own. */
export async function testImage(): Promise<string> {
  const { cluster: name } = JSON.parse(process.env['MQ_TEST_BROKER'] ?? '{}') as { cluster?: string };
  return name === undefined ? ownImage() : (await attachCluster({ name })).image;
}

function ownImage(): string {
  return process.env['MQ_TEST_IMAGE'] ?? 'mq-rabbitmq:4.3';
}

/** Returns the cluster of MQ_TEST_BROKER, or starts one with the image MQ_TEST_IMAGE. */
export async function testCluster(): Promise<TestCluster> {
  const described = process.env['MQ_TEST_BROKER'];
  if (described !== undefined) {
    const cluster = await attachCluster({ name: (JSON.parse(described) as { cluster: string }).cluster });
    return { cluster, release: cluster.heal };
  }
  const cluster = await startCluster({ image: ownImage(), owner: process.pid });
  return { cluster, release: cluster.down };
}
