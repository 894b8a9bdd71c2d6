// Creates a vhost for each test file, so that files share only the cluster.

import { randomUUID } from 'node:crypto';
import { attachCluster, type Cluster } from '../../src/cluster/cluster.ts';

/** The broker of a test file, as `mq test` describes it in MQ_TEST_BROKER. */
export interface TestBroker {
  /** One URL per node, with user and password. */
  readonly urls: readonly string[];
  readonly managementUrls: readonly string[];
  /** Name of a cluster in containers. */
  readonly cluster?: string;
}

export interface TestVhost {
  readonly name: string;
  /** Throws if the target is not a cluster. */
  cluster(): Promise<Cluster>;
  /** One amqp URL per node, with this vhost. */
  readonly urls: readonly string[];
  /** `urls` joined by commas, for --url and MQ_URL. */
  readonly url: string;
  /** One URL per node, with user and password. */
  readonly managementUrls: readonly string[];
  /** Sends a request to the management API. Returns the parsed JSON, or `undefined` without content. Throws on 4xx and 5xx. */
  api(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Deletes the vhost with its contents. */
  remove(): Promise<void>;
}

/** Creates a vhost on the broker, by default that of MQ_TEST_BROKER. */
export async function testVhost(broker: TestBroker = testBroker()): Promise<TestVhost> {
  const name = `test-${randomUUID()}`;
  const urls = broker.urls.map((url) => new URL(`/${name}`, url).href);
  const api = (method: string, path: string, body?: unknown) => request(broker, { method, path, body });
  const user = new URL(broker.urls[0] ?? '').username;
  await api('PUT', `/api/vhosts/${name}`, {});
  await api('PUT', `/api/permissions/${name}/${user}`, { configure: '.*', write: '.*', read: '.*' });
  return {
    name,
    cluster: () => {
      if (broker.cluster === undefined) throw new Error('this test needs a cluster');
      return attachCluster({ name: broker.cluster });
    },
    urls,
    url: urls.join(','),
    managementUrls: broker.managementUrls,
    api,
    remove: async () => {
      await api('DELETE', `/api/vhosts/${name}`);
    },
  };
}

/** Returns the broker that test/run.ts describes. Throws outside a tier. */
export function testBroker(): TestBroker {
  const described = process.env['MQ_TEST_BROKER'];
  if (described === undefined) throw new Error('MQ_TEST_BROKER is not set: run by `npm run tiers`');
  return JSON.parse(described) as TestBroker;
}

/** Sends the request to the first node that answers. */
async function request(
  broker: TestBroker,
  { method, path, body }: { method: string; path: string; body: unknown },
): Promise<unknown> {
  let failure: unknown;
  for (const managementUrl of broker.managementUrls) {
    const { origin, username, password } = new URL(managementUrl);
    const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    try {
      const response = await fetch(new URL(path, origin), {
        method,
        headers: {
          authorization: `Basic ${Buffer.from(login).toString('base64')}`,
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
