// Creates a user for one test, so that the test can close the connections of one role only.

import { randomUUID } from 'node:crypto';
import { until } from './until.ts';
import type { TestVhost } from './vhost.ts';

export interface Account {
  /** Environment of a role that logs in as this user. */
  readonly env: { readonly MQ_URL: string };
  /**
   * Returns the names of the user's connections. RabbitMQ answers from its table of connections, which is current. The
   * lists of /api/connections and /api/consumers come from statistics, where a new entry appears up to 5 s late.
   */
  connections(): Promise<string[]>;
  /** Waits for `count` connections of the user, and closes them through the management API. */
  closeConnections(count: number): Promise<void>;
  remove(): Promise<void>;
}

/** Creates a user with all permissions in the vhost, and no permissions elsewhere. */
export async function newAccount({ name: vhost, urls, api }: TestVhost): Promise<Account> {
  const [username, password] = [`mq-${randomUUID()}`, randomUUID()];
  await api('PUT', `/api/users/${username}`, { password, tags: '' });
  await api('PUT', `/api/permissions/${vhost}/${username}`, { configure: '.*', write: '.*', read: '.*' });
  const path = `/api/connections/username/${username}`;
  const connections = async () => ((await api('GET', path)) as { name: string }[]).map(({ name }) => name);
  return {
    env: { MQ_URL: urls.map((url) => Object.assign(new URL(url), { username, password }).href).join(',') },
    connections,
    closeConnections: async (count) => {
      await until(`${count} connections`, async () => (await connections()).length === count);
      await api('DELETE', path);
    },
    remove: async () => {
      await api('DELETE', `/api/users/${username}`);
    },
  };
}
