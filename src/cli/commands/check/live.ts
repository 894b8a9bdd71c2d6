// mq check --live: reads the lists of a broker from the management API, and prints what breaks with a RabbitMQ version.

import type { Management } from '../../../admin/client.ts';
import type { ApiObject } from '../../../admin/json.ts';
import type { Target } from '../../../config/target.ts';
import type { Context } from '../../../context.ts';
import type { AuditedBroker } from '../../../topology/audit.ts';
import type { Values } from '../../arguments/values.ts';
import { noteOf } from '../../error-text.ts';
import { type ConfigOf, openManagement } from '../../input/management.ts';
import { noVhost } from '../../input/topology.ts';
import { type LiveFinding, printFindings } from './findings.ts';

/** Fields that the rules need. */
const columns = {
  exchanges: 'vhost,name,type,policy',
  queues: 'vhost,name,type,durable,auto_delete,exclusive,arguments,policy,operator_policy',
  bindings: 'vhost,source,destination,routing_key',
  policies: 'vhost,name,pattern,apply-to,priority,definition',
  connections: 'vhost,name,user_provided_name,user,protocol,frame_max,client_properties',
  channels: 'vhost,name,user,consumer_count,global_prefetch_count',
} as const;

/** Returns the exit status: 1 if there are errors, or warnings with --deny-warnings. */
export async function checkLive(
  context: Context,
  values: Values,
  { configOf, target }: { configOf: ConfigOf; target: Target | undefined },
): Promise<number> {
  const { api, vhost: ofAddress } = await openManagement(context, values, { configOf, sendsPassword: false });
  try {
    const vhost = values.flag('all-vhosts') ? undefined : (values.name('vhost') ?? ofAddress);
    const { broker, unseen, vhostsOf } = await readBroker(api, vhost);
    const rules = target ?? ownTarget(broker.version);
    const { auditFindings } = await import('../../../topology/audit.ts');
    const findings = [...auditFindings(broker, rules), ...unseen];
    await printFindings(context, values, {
      findings,
      origin: api.origin,
      version: broker.version,
      rules,
      vhost,
      vhostsOf,
    });
    noteLimits(noteOf(context, 'check'), broker, rules);
    const isFailed = ({ severity }: LiveFinding) => severity === 'error' || values.flag('deny-warnings') === true;
    return findings.some(isFailed) ? 1 : 0;
  } finally {
    api.close();
  }
}

/** Returns the rules of the broker's own version. */
function ownTarget(version: string): Target {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 4 || (major === 4 && minor >= 3) ? '4.3' : '4.0';
}

interface ReadBroker {
  readonly broker: AuditedBroker;
  readonly unseen: readonly LiveFinding[];
  /** The user, if RabbitMQ lists only the vhosts that the user may use. */
  readonly vhostsOf: string | undefined;
}

/** Reads a vhost, or all vhosts that the user may access, with twelve requests. */
async function readBroker(api: Management, vhost: string | undefined): Promise<ReadBroker> {
  const { objectIn, objectsIn, textIn, textsIn } = await import('../../../admin/json.ts');
  const read = async (path: string) => objectsIn(await api.request('GET', path));
  const overview = objectIn(await api.request('GET', '/overview?columns=rabbitmq_version'));
  const user = objectIn(await api.request('GET', '/whoami'));
  const tags = textsIn(user['tags']);
  const seesAll = tags.includes('monitoring') || tags.includes('administrator');
  const names = (await read('/vhosts?columns=name')).map(({ name }) => textIn(name));
  if (vhost !== undefined && !names.includes(vhost)) throw noVhost(api, vhost);
  const topology = await readTopology(read, vhost);
  const isOwn = (item: ApiObject) => vhost === undefined || item['vhost'] === vhost;
  const [connections, channels, featureFlags, usedFeatures] = await Promise.all([
    read(`/connections?columns=${columns.connections}`),
    read(`/channels?columns=${columns.channels}`),
    read('/feature-flags?columns=name,state,stability'),
    read('/deprecated-features/used?columns=name,doc_url'),
  ]);
  // Each vhost has the default exchange, so a vhost without exchanges is one that the user may not access.
  const seen = new Set(topology.exchanges.map((one) => one['vhost']));
  const hidden = vhost === undefined ? names.filter((name) => !seen.has(name)) : [];
  return {
    broker: {
      version: textIn(overview['rabbitmq_version']),
      ...{ ...topology, featureFlags, usedFeatures },
      connections: connections.filter(isOwn),
      channels: channels.filter(isOwn),
    },
    unseen: [...hiddenVhosts(hidden, api.user), ...(seesAll ? [] : [hiddenClients(api.user)])],
    vhostsOf: seesAll ? undefined : api.user,
  };
}

async function readTopology(read: (path: string) => Promise<readonly ApiObject[]>, vhost: string | undefined) {
  const { apiPath } = await import('../../../admin/path.ts');
  const list = (name: keyof typeof columns, collection: string = name) =>
    read(`/${collection}${vhost === undefined ? '' : apiPath`/${vhost}`}?columns=${columns[name]}`);
  const [exchanges, queues, bindings, policies, operatorPolicies] = await Promise.all([
    list('exchanges'),
    list('queues'),
    list('bindings'),
    list('policies'),
    list('policies', 'operator-policies'),
  ]);
  return { exchanges, queues, bindings, policies, operatorPolicies };
}

function hiddenVhosts(names: readonly string[], user: string): LiveFinding[] {
  return names.map((name) => ({
    ...{ code: 'not-visible', severity: 'warning', kind: 'vhost', name, vhost: name },
    message: `it was not checked, because the user '${user}' has no permission in it`,
    instead: `mq admin set permission ${user} '' '' '.*' --vhost ${name}`,
  }));
}

/** RabbitMQ lists only the user's own connections and channels for a user without the tags monitoring or administrator. */
function hiddenClients(user: string): LiveFinding {
  return {
    ...{ code: 'not-visible', severity: 'warning', kind: 'connections' },
    name: 'of other users',
    message: `they and their channels were not checked, because the user '${user}' has not the tag monitoring`,
    instead: 'a user with the tag monitoring',
  };
}

/** Reports what no rule can find on this broker, or for this upgrade. */
function noteLimits(say: (line: string) => void, { version, channels }: AuditedBroker, rules: Target): void {
  const isReported = channels.some((channel) => Object.hasOwn(channel, 'global_prefetch_count'));
  if (channels.length > 0 && !isReported)
    say(`RabbitMQ ${version} does not report which channels have a global prefetch`);
  if (rules === '4.3' && /^(3|4\.[01])\./.test(version))
    say(`RabbitMQ ${version} cannot be upgraded to 4.3 in place; upgrade to 4.2 first`);
}
