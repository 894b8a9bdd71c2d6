// The target of a test file on an external broker: a vhost of its own.

import { parseAddresses } from '../config/address.ts';
import { objectOf } from '../config/plain.ts';
import { loadContracts } from '../contracts/contracts.ts';
import { MqError } from '../errors.ts';
import type { ExternalPlan, FileTarget, VhostContent } from '../harness/target.ts';
import type { Login } from '../login/login.ts';
import { time } from '../time.ts';
import { ContainerFaults } from './cluster-faults.ts';
import { type FileContext, launchOf } from './file-context.ts';
import { ManagementApi } from './management-api.ts';
import { SessionClient } from './session-client.ts';
import { topologyOf } from './topology.ts';

/** Creates the vhost with the topology. Without a management API it uses the vhost of the address. */
export async function openVhost(plan: ExternalPlan, context: FileContext): Promise<FileTarget> {
  const { config, queues, hasStreams, declare } = await topologyOf(plan, context);
  const { cluster: name } = plan;
  const contracts = await loadContracts(config);
  const broker = await vhostOf(plan);
  try {
    await declare(broker.urls, plan.login);
  } catch (error) {
    await broker.close();
    throw error;
  }
  const client = new SessionClient(config, broker.urls, { login: plan.login, contracts });
  const { purge, ...rest } = broker;
  return {
    ...rest,
    kind: plan.kind,
    advance: undefined,
    client: async () => client,
    purge:
      purge &&
      (async () => {
        await purge();
        // A stream cannot be purged, so it was deleted.
        if (hasStreams) await declare(broker.urls, plan.login);
      }),
    faults: undefined,
    cluster: name === undefined ? undefined : new ContainerFaults(name, plan.urls.length),
    queues: async () => queues,
    launch: launchOf(plan, context),
    close: async () => {
      await client.close();
      await broker.close();
    },
  };
}

interface VhostBroker {
  readonly urls: readonly string[];
  readonly vhost: string;
  readonly managementUrls: readonly string[];
  content(): Promise<VhostContent | undefined>;
  /** Purges the queues and deletes the streams. `undefined` if the vhost does not belong to the file. */
  readonly purge: (() => Promise<void>) | undefined;
  close(): Promise<void>;
}

async function vhostOf({ urls, managementUrls, login, prefix = 'mq-test-' }: ExternalPlan): Promise<VhostBroker> {
  const [first = ''] = urls;
  if (managementUrls.length === 0) {
    const vhost = decodeURIComponent(new URL(first).pathname.slice(1)) || '/';
    const nothing = async () => undefined;
    return { urls, managementUrls, vhost, content: nothing, purge: undefined, close: nothing };
  }
  const api = new ManagementApi(managementUrls, login);
  const vhost = `${prefix}${time.randomUUID()}`;
  const remove = async () => {
    await api.ask('DELETE', `/api/vhosts/${vhost}`);
    api.close();
  };
  await api.ask('PUT', `/api/vhosts/${vhost}`, {});
  try {
    const user = await userOf(first, api, login);
    const all = { configure: '.*', write: '.*', read: '.*' };
    if (user !== undefined) await api.ask('PUT', `/api/permissions/${vhost}/${user}`, all);
  } catch (error) {
    await remove().catch(() => undefined);
    throw error;
  }
  return {
    urls: urls.map((url) => withVhost(url, vhost)),
    managementUrls,
    vhost,
    content: () => api.content(vhost),
    purge: () => api.purge(vhost),
    close: remove,
  };
}

/** Returns the name of the user, encoded, or `undefined` if the scopes of a token are the permissions. */
async function userOf(url: string, api: ManagementApi, login: Login | undefined): Promise<string | undefined> {
  const { username } = new URL(url);
  const [address] = parseAddresses(url, { at: '--on', code: 'USAGE' });
  if (login?.token !== undefined && address?.password === undefined) return undefined;
  if (username !== '' || address?.mechanism !== 'external') return username || 'guest';
  return encodeURIComponent(String(objectOf(await api.ask('GET', '/api/whoami'))['name']));
}

function withVhost(url: string, vhost: string): string {
  if (!URL.canParse(url)) throw new MqError('USAGE', '--on: not a URL', { at: '--on' });
  const { href } = Object.assign(new URL(url), { pathname: `/${vhost}` });
  return href;
}
