// The target of one test file of `mq test`: a broker in this process, or a vhost of its own in one that runs elsewhere.

import { randomUUID } from 'node:crypto';
import builtin from '../../rascal.json' with { type: 'json' };
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { mergeConfigs } from '../config/merge.ts';
import { normalise } from '../config/normalise.ts';
import { MqError } from '../errors.ts';
import type { ClusterFaults, FileTarget, Holdings, TargetPlan } from '../harness/target.ts';
import { clusterFaults } from './test-cluster.ts';
import { startEmbedded } from './test-embedded.ts';
import { ManagementApi } from './test-management.ts';
import { declareAll, sessionFixtures } from './test-session.ts';

/** The process of a test file. */
export interface FileWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** What starts this program once more. */
  readonly self: { readonly command: string; readonly args: readonly string[] };
}

/** Makes the target, with the topology of the user's rascal.json in it. Without one, roles and fixtures declare what they use. */
export async function openTarget(plan: TargetPlan, { env, cwd, self }: FileWorld): Promise<FileTarget> {
  const { config: option } = plan;
  const found = await loadConfig({ ...(option !== undefined && { option }), env, cwd, builtin });
  const config = plan.self ? await withSuites(found) : found;
  const place = plan.kind === 'embedded' ? await startEmbedded({ isManaged: plan.self === true }) : await vhostOf(plan);
  try {
    if (config.file !== undefined || plan.self) await declareAll(config, place.urls);
  } catch (error) {
    await place.close();
    throw error;
  }
  const { close, ...fixtures } = sessionFixtures(config, place.urls);
  return {
    ...place,
    ...fixtures,
    kind: plan.kind,
    queues: Object.values(config.vhosts).flatMap(({ queues }) => Object.keys(queues)),
    launch: { ...self, env: { ...env, ...(option !== undefined && { MQ_CONFIG: option }) } },
    close: async () => {
      await close();
      await place.close();
    },
  };
}

async function withSuites(config: Config): Promise<Config> {
  const { suitesConfig } = await import('../harness/suites.ts');
  const { file, folder } = config;
  return mergeConfigs(config, { ...normalise(suitesConfig), file, folder });
}

/** A vhost for the tests of one file. */
export interface Place {
  readonly urls: readonly string[];
  readonly vhost: string;
  readonly managementUrls: readonly string[];
  readonly advance: ((milliseconds: number) => Promise<void>) | undefined;
  readonly cluster: ClusterFaults | undefined;
  look(): Promise<Holdings | undefined>;
  close(): Promise<void>;
}

type Elsewhere = Exclude<TargetPlan, { kind: 'embedded' }>;

/** A new vhost; without a management API, the one that the address names. */
async function vhostOf({ urls, managementUrls, cluster: name }: Elsewhere): Promise<Place> {
  const [first = ''] = urls;
  const cluster = name === undefined ? undefined : clusterFaults(name, urls.length);
  if (managementUrls.length === 0) {
    const vhost = decodeURIComponent(new URL(first).pathname.slice(1)) || '/';
    return {
      urls,
      managementUrls,
      vhost,
      advance: undefined,
      cluster,
      look: async () => undefined,
      close: async () => undefined,
    };
  }
  const api = new ManagementApi(managementUrls);
  const vhost = `mq-test-${randomUUID()}`;
  const user = new URL(first).username || 'guest';
  await api.ask('PUT', `/api/vhosts/${vhost}`, {});
  await api.ask('PUT', `/api/permissions/${vhost}/${user}`, { configure: '.*', write: '.*', read: '.*' });
  return {
    urls: urls.map((url) => withVhost(url, vhost)),
    managementUrls,
    vhost,
    advance: undefined,
    cluster,
    look: () => api.holdings(vhost),
    close: async () => {
      await api.ask('DELETE', `/api/vhosts/${vhost}`);
    },
  };
}

function withVhost(url: string, vhost: string): string {
  if (!URL.canParse(url)) throw new MqError('USAGE', '--on: not a URL', { at: '--on' });
  const { href } = Object.assign(new URL(url), { pathname: `/${vhost}` });
  return href;
}
