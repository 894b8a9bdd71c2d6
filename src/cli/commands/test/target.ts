// Opens the target of `mq test`, once for the whole run, and closes it afterwards.

import builtin from '../../../../rascal.json' with { type: 'json' };
import type { Management as Client } from '../../../admin/client.ts';
import { requireDockerHost } from '../../../cluster/docker-host.ts';
import { parseAddresses } from '../../../config/address.ts';
import { endpointOf } from '../../../config/endpoint.ts';
import type { Context } from '../../../context.ts';
import { MqError } from '../../../errors.ts';
import type { TargetPlan } from '../../../harness/target.ts';
import { connectionWithLogin } from '../../../login/apply.ts';
import { time } from '../../../time.ts';
import { loginOptionNames } from '../../arguments/shared-options.ts';
import type { Values } from '../../arguments/values.ts';
import { loginOf } from '../../input/login.ts';

/** Time limit for an answer of the management API, in milliseconds. */
const answerMs = 15_000;
/** Time limit for the first connection to the broker, in milliseconds. */
const connectMs = 60_000;

interface Common {
  readonly config?: string;
  readonly self?: boolean;
}

export interface RunTarget {
  /** Target for the processes that run the test files. */
  readonly plan: TargetPlan;
  /** Short description for the report. */
  readonly title: string;
  /** Note for the user about the target. */
  readonly note?: string;
  close(): Promise<void>;
}

/**
 * Starts the cluster, or checks that the broker is reachable. If the target is not available, throws an MqError whose
 * code depends on the reason.
 */
type OpenTarget = () => Promise<RunTarget>;

/** Parses `--on` and its options. Throws USAGE if one is invalid. */
export function planTarget(context: Context, values: Values): OpenTarget {
  // A named connection has become MQ_URL.
  const named = values.given.includes('connection') ? context.env['MQ_URL'] : undefined;
  const on = named ?? values.name('on') ?? 'embedded';
  const config = values.name('config');
  const common = { ...(config !== undefined && { config }), ...(values.flag('self') && { self: true }) };
  const isCluster = on === 'cluster';
  for (const option of ['nodes', 'image'] as const) {
    if (!isCluster && values.text(option) !== undefined) throw values.usage(`--${option} requires --on cluster`);
  }
  const isUrl = on !== 'embedded' && !isCluster;
  if (!isUrl && values.text('management-url') !== undefined)
    throw values.usage('--management-url requires --on amqp://…');
  const login = loginOptionNames.find((name) => values.given.includes(name));
  if (!isUrl && login !== undefined) throw values.usage(`--${login} requires --on amqp://… or amqps://…`);
  if (isCluster) return planCluster(context, values, common);
  if (isUrl) return planUrl(context, on, values, common);
  return async () => ({ plan: { kind: 'embedded', ...common }, title: 'the embedded broker', close: async () => {} });
}

function planCluster({ env, pid, isAlive, drain, stderr }: Context, values: Values, common: Common): OpenTarget {
  const given = values.name('image') ?? env['MQ_IMAGE'];
  const nodes = values.whole('nodes', { min: 1, max: 9 }) ?? 3;
  const progress = (ready: number, total: number) => {
    const text = ready === total ? '' : `mq test: ${ready} of ${total} nodes are ready`;
    if (stderr.isTTY) stderr.write(`\r\u001b[K${text}`);
  };
  return async () => {
    await requireDockerHost({ env });
    const [{ imageOf }, { sweep }, { startCluster }] = await Promise.all([
      import('../../../cluster/image.ts'),
      import('../../../cluster/removal.ts'),
      import('../../../cluster/start.ts'),
    ]);
    // A killed run may have left a cluster behind.
    await sweep({ isAlive });
    const cluster = await startCluster({
      image: given ?? (await imageOf('4.3')),
      nodes,
      owner: pid,
      signal: drain,
      progress,
    });
    const { urls, managementUrls, name, version } = cluster;
    return {
      plan: { kind: 'cluster', urls, managementUrls, cluster: name, ...common },
      title: `a cluster of ${nodes}, RabbitMQ ${version}`,
      close: () => closeCluster(cluster, () => sweep({ isAlive })),
    };
  };
}

/** Removes the cluster, and then the clusters that killed test files were starting. */
export async function closeCluster(
  { down }: { down: () => Promise<void> },
  sweep: () => Promise<unknown>,
): Promise<void> {
  try {
    await down();
  } finally {
    await sweep().catch(() => undefined);
  }
}

function planUrl(context: Context, on: string, values: Values, common: Common): OpenTarget {
  if (!/^amqps?:\/\//i.test(on)) throw values.usage('--on must be embedded, cluster, or an address: amqp://…');
  const urls = on.split(',').map((url) => url.trim());
  const parsed = parseAddresses(urls.join(','), { at: '--on', code: 'USAGE' });
  const title = parsed.map(endpointOf).join(', ');
  const prefix = `mq-test-${time.randomUUID().slice(0, 8)}-`;
  return async () => {
    const [{ builtinConfig }, { tryConnection }, { Management }, { findManagement, isNamed }] = await Promise.all([
      import('../../../config/load.ts'),
      import('../../../session/try-connection.ts'),
      import('../../../admin/client.ts'),
      import('../../input/management.ts'),
    ]);
    const login = await loginOf(context);
    const addresses = parsed.map((one) => connectionWithLogin(one, login));
    const connection = { config: builtinConfig(builtin), addresses, command: 'test' };
    await tryConnection(connection, { withinMs: connectMs, signal: context.drain }).catch((error: unknown) => {
      throw error instanceof MqError ? withHintFor(error) : error;
    });
    try {
      const found = await findManagement(context, values, { connections: addresses, limits: { timeoutMs: answerMs } });
      await found.api.request('GET', '/whoami');
      const { urlOf } = await import('../../../admin/address.ts');
      const managementUrls = found.addresses.map(urlOf);
      // `found.api` aborts at the first signal, so another client deletes the vhosts.
      const client = new Management({ addresses: found.addresses, timeoutMs: answerMs });
      const close = () => removeVhosts(client, prefix);
      return { plan: { kind: 'url', urls, managementUrls, login, prefix, ...common }, title, close };
    } catch (error) {
      if (isNamed(context, values) || !(error instanceof MqError)) throw error;
      return {
        plan: { kind: 'url', urls, managementUrls: [], login, ...common },
        title,
        note: `no management API is used (${error.message}): the tests share the vhost of the address, and mq does not detect messages that they leave behind`,
        close: async () => {},
      };
    }
  };
}

/**
 * Deletes the vhosts of this run that killed test files have left. Errors are ignored, for example if the broker is
 * down.
 */
async function removeVhosts(api: Client, prefix: string): Promise<void> {
  const all = (await api.request('GET', '/vhosts').catch(() => [])) as readonly { name: string }[];
  for (const { name } of all.filter((vhost) => vhost.name.startsWith(prefix)))
    await api.request('DELETE', `/vhosts/${name}`).catch(() => undefined);
  api.close();
}

/** Replaces --url in the hint of a connection error with --on, because `mq test` has no --url. */
function withHintFor(error: MqError): MqError {
  const { code, message, problems, hint } = error;
  const said = hint?.replace(/--url(, MQ_URL, the named connection or rascal\.json| or MQ_URL)/, '--on');
  return new MqError(code, message, { problems, cause: error, ...(said !== undefined && { hint: said }) });
}
