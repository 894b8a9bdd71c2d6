// A vhost of its own for each test file, so that files share a cluster and nothing else.

import { randomUUID } from 'node:crypto';
import { attachCluster, type Cluster } from '../../src/cluster/cluster.ts';

export interface TestVhost {
  readonly name: string;
  readonly cluster: Cluster;
  /** One amqp URL per node, with this vhost. */
  readonly urls: readonly string[];
  /** `urls` joined by commas: for --url and MQ_URL. */
  readonly url: string;
  /** A request to the management API; gives the parsed JSON, undefined for no content. Throws on 4xx and 5xx. */
  api(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Deletes the vhost and all in it. */
  remove(): Promise<void>;
}

/** A new vhost in the cluster that MQ_TEST_CLUSTER describes (test/run.ts starts it). */
export async function testVhost(): Promise<TestVhost> {
  const described = process.env['MQ_TEST_CLUSTER'];
  if (described === undefined) throw new Error('MQ_TEST_CLUSTER is not set: run by `npm test cluster`');
  const cluster = await attachCluster(JSON.parse(described) as { name: string });
  const name = `test-${randomUUID()}`;
  const urls = cluster.urls.map((url) => new URL(`/${name}`, url).href);
  const api = (method: string, path: string, body?: unknown) => request(cluster, { method, path, body });
  const { user } = cluster.nodes[0] as { user: string };
  await api('PUT', `/api/vhosts/${name}`, {});
  await api('PUT', `/api/permissions/${name}/${user}`, { configure: '.*', write: '.*', read: '.*' });
  return {
    name,
    cluster,
    urls,
    url: urls.join(','),
    api,
    remove: async () => {
      await api('DELETE', `/api/vhosts/${name}`);
    },
  };
}

/** Asks the first node that answers. */
async function request(
  cluster: Cluster,
  { method, path, body }: { method: string; path: string; body: unknown },
): Promise<unknown> {
  let failure: unknown;
  for (const node of cluster.nodes) {
    try {
      const response = await fetch(new URL(path, new URL(node.managementUrl).origin), {
        method,
        headers: {
          authorization: `Basic ${Buffer.from(`${node.user}:${node.password}`).toString('base64')}`,
          'content-type': 'application/json',
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return text === '' ? undefined : JSON.parse(text);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}
