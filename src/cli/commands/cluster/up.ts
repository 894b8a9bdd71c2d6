// mq cluster up and join: start nodes.

import type { Cluster, WaitSettings } from '../../../cluster/cluster.ts';
import type { Config } from '../../../config/config.ts';
import type { Context } from '../../../context.ts';
import { MqError } from '../../../errors.ts';
import { Printer } from '../../../terminal/printer.ts';
import type { Values } from '../../arguments/values.ts';
import { noteOf } from '../../error-text.ts';
import { chosenCluster } from './choose.ts';
import type { Job } from './job.ts';
import { withCounter } from './progress.ts';

const defaultVersion = '4.3';
/** Time limit for an answer of the management API, in milliseconds. */
const answerMs = 15_000;

export async function up(job: Job): Promise<undefined> {
  const { context, values, configOf } = job;
  const settings = settingsOf(values);
  const config = values.flag('apply') ? await configOf(context) : undefined;
  const [{ startCluster }, { sweep }] = await Promise.all([
    import('../../../cluster/start.ts'),
    import('../../../cluster/removal.ts'),
  ]);
  const { removed, cluster } = await withCounter(
    job,
    async (wait) => {
      const image = await imageFor(context, settings);
      const { isAlive, pid: starter } = context;
      const swept = await sweep({ isAlive });
      const { nodes, name, port } = settings;
      const started = await startCluster({ image, nodes, name, port, starter, ...wait });
      if (config) await applyConfig(started, config, { signal: wait.signal });
      return { removed: swept, cluster: started };
    },
    'starting the nodes',
  );
  for (const one of removed)
    noteOf(context, 'cluster')(`removed the rest of the cluster ${one}, whose start was killed`);
  try {
    await announce(context, { cluster, isJson: values.flag('json') ?? false });
  } catch (error) {
    // The output with the name, the addresses and the password could not be written, so the cluster is unusable.
    await cluster.down();
    throw error;
  }
}

interface UpSettings {
  readonly name: string | undefined;
  readonly nodes: number;
  readonly port: number | undefined;
  readonly version: string | undefined;
  /** Image of --image. */
  readonly image: string | undefined;
}

function settingsOf(values: Values): UpSettings {
  const name = values.name('name');
  // Docker: a container name starts with a letter or digit.
  if (name !== undefined && !/^[a-zA-Z0-9][\w.-]{0,39}$/.test(name))
    throw values.usage(`--name must be at most 40 letters, digits, - _ or ., not '${name}'`);
  const nodes = values.whole('nodes', { min: 1, max: 9 }) ?? 3;
  const port = values.whole('port', { min: 1, max: 65_535 - 10_020 - 100 * (nodes - 1) });
  const [version, image] = [values.name('version'), values.name('image')];
  if (version !== undefined && image !== undefined) throw values.usage('--version and --image exclude each other');
  if (version !== undefined && !/^\d+(\.\d+){0,2}$/.test(version))
    throw values.usage(`--version must be a version such as 4.3 or 4.0.5, not '${version}'`);
  if (values.name('config') !== undefined && !values.flag('apply')) throw values.usage('--config requires --apply');
  return { name, nodes, port, version, image };
}

async function imageFor({ env }: Context, { version, image }: UpSettings): Promise<string> {
  const { imageOf } = await import('../../../cluster/image.ts');
  const ofEnvironment = version === undefined ? env['MQ_IMAGE'] : undefined;
  return image ?? ofEnvironment ?? imageOf(version ?? defaultVersion);
}

export async function join(job: Job): Promise<undefined> {
  const { context, values } = job;
  const name = await chosenCluster(context, values);
  const { joinNode } = await import('../../../cluster/join.ts');
  const grow = values.flag('grow') ?? false;
  const { node } = await withCounter(
    job,
    (wait) => joinNode({ cluster: name, starter: context.pid, grow, ...wait }),
    'starting a node',
  );
  const printer = new Printer(context.stdout);
  const { host, url, managementUrl } = node;
  if (values.flag('json')) await printer.json({ cluster: name, node: host, state: 'joined', url, managementUrl });
  else await printer.text(`${host} has joined, AMQP on ${new URL(url).host}`);
}

/** Creates the vhosts of the configuration and declares its topology. Removes the cluster if this fails. */
export async function applyConfig(
  cluster: Pick<Cluster, 'urls' | 'managementUrls' | 'down'>,
  config: Config,
  { signal, withinMs = 60_000 }: Pick<WaitSettings, 'signal' | 'withinMs'>,
): Promise<void> {
  const [{ declareAll }, { Management }, { parseManagement }, { within }] = await Promise.all([
    import('../../../session/declare-all.ts'),
    import('../../../admin/client.ts'),
    import('../../../admin/address.ts'),
    import('../../../cluster/limit.ts'),
  ]);
  const login = { user: '', password: '' };
  const addresses = cluster.managementUrls.flatMap((url) => parseManagement(url, { at: 'management', login }));
  const api = new Management({ addresses, timeoutMs: answerMs });
  try {
    await within(withinMs, signal, async () => {
      for (const vhost of Object.keys(config.vhosts).filter((one) => one !== '/'))
        await api.request('PUT', `/vhosts/${encodeURIComponent(vhost)}`, {});
      await declareAll(config, { urls: cluster.urls, role: 'cluster' });
    });
  } catch (error) {
    await cluster.down();
    if (signal?.aborted) throw new MqError('INTERRUPTED', 'interrupted while declaring the topology');
    if (error instanceof Error && error.name === 'AbortError')
      throw new MqError(
        'UNAVAILABLE',
        `the topology was not declared within ${withinMs / 1000} s, so the cluster was removed`,
        {
          hint: 'run mq cluster up without --apply; mq cluster status then shows what is wrong',
          cause: error,
        },
      );
    throw error;
  }
}

/** Prints the addresses of a new cluster. On a terminal the password is shown once, on a line of its own. */
export async function announce(
  { stdout, stderr }: Context,
  { cluster, isJson }: { cluster: Cluster; isJson: boolean },
): Promise<void> {
  const printer = new Printer(stdout);
  if (isJson) return printer.json(cluster.toJSON());
  const { describedNodes, envLines } = await import('./draw.ts');
  const described = describedNodes(cluster);
  if (stdout.isTTY) {
    const [{ user, password } = { user: '', password: '' }] = cluster.nodes;
    await printer.text([...described, `user ${user}, password ${password}`].join('\n'));
    stderr.write(
      `hint: eval "$(mq cluster url --env --name ${cluster.name})" sets MQ_URL and MQ_MANAGEMENT_URL in this shell\n`,
    );
    return;
  }
  // This output is for eval. The password is only in the addresses.
  await printer.text([envLines(cluster.name, cluster), ...described.map((line) => `# ${line}`)].join('\n'));
}
