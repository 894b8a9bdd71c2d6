// The cluster a test file does things to: the one of the run, else one of its own.

import { attachCluster, type Cluster } from '../../src/cluster/cluster.ts';
import { startCluster } from '../../src/cluster/start.ts';

export interface TestCluster {
  readonly cluster: Cluster;
  /** Heals the shared cluster for the files that follow, or takes down the file's own. */
  release(): Promise<void>;
}

/** The cluster of MQ_TEST_BROKER; without it, a new one of the image MQ_TEST_IMAGE. */
export async function testCluster(): Promise<TestCluster> {
  const described = process.env['MQ_TEST_BROKER'];
  if (described !== undefined) {
    const cluster = await attachCluster({ name: (JSON.parse(described) as { cluster: string }).cluster });
    return { cluster, release: cluster.heal };
  }
  const image = process.env['MQ_TEST_IMAGE'] ?? 'mq-rabbitmq:4.3';
  const cluster = await startCluster({ image, owner: process.pid });
  return { cluster, release: cluster.down };
}
