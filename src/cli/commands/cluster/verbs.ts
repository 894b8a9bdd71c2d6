// Defines the verbs of mq cluster: their options, whether they accept nodes, and their functions.

import type { Cluster, NodeState } from '../../../cluster/cluster.ts';
import { exitStatuses, MqError } from '../../../errors.ts';
import { Printer } from '../../../terminal/printer.ts';
import { noteOf } from '../../error-text.ts';
import { chosenCluster, indexesOf } from './choose.ts';
import { drawClusters, drawStatus, envLines } from './draw.ts';
import { attached, type Job, reportState } from './job.ts';
import { printLogs } from './logs.ts';
import { withCounter } from './progress.ts';
import { join, up } from './up.ts';

interface Row {
  /** Text after the verb in the usage line. */
  readonly usage: string;
  readonly summary: string;
  /** Options in addition to those of all verbs. */
  readonly options: readonly string[];
  readonly nodes: 'none' | 'one' | 'some' | 'any';
  run(job: Job): Promise<number | undefined>;
}

export type Verb =
  | 'up'
  | 'status'
  | 'list'
  | 'url'
  | 'logs'
  | 'stop'
  | 'start'
  | 'kill'
  | 'pause'
  | 'resume'
  | 'partition'
  | 'heal'
  | 'join'
  | 'forget'
  | 'down';

/** Verbs in the order of the help. */
export const verbs: Readonly<Record<Verb, Row>> = {
  up: {
    usage: '',
    summary: 'start a cluster and wait until every node is ready; Ctrl-C removes it',
    options: ['nodes', 'version', 'image', 'port', 'apply', 'config', 'timeout'],
    nodes: 'none',
    run: up,
  },
  status: {
    usage: '',
    summary: 'print nodes, alarms and queues; exit with 1 if something is wrong',
    options: [],
    nodes: 'none',
    run: status,
  },
  list: { usage: '', summary: 'list the clusters on this machine', options: [], nodes: 'none', run: list },
  url: {
    usage: ' [node…]',
    summary: 'print the addresses, with the password',
    options: ['of', 'env'],
    nodes: 'any',
    run: url,
  },
  logs: {
    usage: ' [node…]',
    summary: 'print the logs of all nodes, or of these',
    options: ['lines', 'follow'],
    nodes: 'any',
    run: printLogs,
  },
  stop: {
    usage: ' node…',
    summary: 'stop nodes; refused without --force if a majority would be lost',
    options: ['force'],
    nodes: 'some',
    run: stop,
  },
  start: { usage: ' node…', summary: 'start stopped or killed nodes', options: ['timeout'], nodes: 'some', run: start },
  kill: {
    usage: ' node…',
    summary: 'end nodes with SIGKILL; nothing is checked before',
    options: [],
    nodes: 'some',
    run: each('kill', 'killed'),
  },
  pause: {
    usage: ' node…',
    summary: 'freeze the processes of nodes',
    options: [],
    nodes: 'some',
    run: each('pause', 'paused'),
  },
  resume: { usage: ' node…', summary: 'resume nodes after pause', options: ['timeout'], nodes: 'some', run: resume },
  partition: {
    usage: ' node…',
    summary: 'cut these nodes off from the others, not from clients',
    options: [],
    nodes: 'some',
    run: partition,
  },
  heal: {
    usage: '',
    summary: 'undo stop, kill, pause and partition on all nodes',
    options: ['timeout'],
    nodes: 'none',
    run: heal,
  },
  join: { usage: '', summary: 'add a new node', options: ['grow', 'timeout'], nodes: 'none', run: join },
  forget: {
    usage: ' node',
    summary: 'remove a node that is down, with its data, for ever',
    options: [],
    nodes: 'one',
    run: forget,
  },
  down: {
    usage: '',
    summary: 'remove the cluster with all its data, without a question',
    options: ['all'],
    nodes: 'none',
    run: down,
  },
};

export async function runVerb(verb: Verb, job: Job): Promise<number> {
  return (await verbs[verb].run(job)) ?? 0;
}

async function status(job: Job): Promise<number> {
  const name = await chosenCluster(job.context, job.values);
  const { clusterStatus } = await import('../../../cluster/status.ts');
  const found = await withCounter(job, ({ signal }) => clusterStatus({ name, signal }), 'asking the nodes');
  const printer = new Printer(job.context.stdout);
  if (job.values.flag('json')) await printer.json(found);
  else await printer.text(drawStatus(found));
  return found.problems.length === 0 ? 0 : exitStatuses.ANSWER_NO;
}

async function list({ context, values }: Job): Promise<undefined> {
  const { listClusters } = await import('../../../cluster/removal.ts');
  const found = await listClusters();
  const printer = new Printer(context.stdout);
  if (values.flag('json')) for (const one of found) await printer.json(one);
  else if (found.length > 0) await printer.text(drawClusters(found));
  else context.stderr.write('mq cluster: there is no cluster\n');
}

const kinds = ['amqp', 'management', 'web-stomp', 'prometheus'] as const;

async function url(job: Job): Promise<undefined> {
  const { context, values, hosts } = job;
  const kind = values.choice('of', kinds) ?? 'amqp';
  const isEnv = values.flag('env') ?? false;
  if (isEnv && values.text('of') !== undefined) throw values.usage('--env and --of exclude each other');
  const cluster = await attached(job);
  const nodes = indexesOf(cluster, hosts).flatMap((index) => cluster.nodes[index] ?? []);
  const of = {
    amqp: nodes.map((node) => node.url),
    management: nodes.map((node) => node.managementUrl),
    'web-stomp': nodes.map((node) => node.webStompUrl),
    prometheus: nodes.map((node) => node.prometheusUrl),
  };
  const printer = new Printer(context.stdout);
  if (values.flag('json')) {
    const { amqp: urls, management: managementUrls, 'web-stomp': webStompUrls, prometheus: prometheusUrls } = of;
    await printer.json({ name: cluster.name, urls, managementUrls, webStompUrls, prometheusUrls });
  } else {
    const env = { urls: of.amqp, managementUrls: of.management };
    // The output uses the format of the options. Prometheus has no such list.
    await printer.text(isEnv ? envLines(cluster.name, env) : of[kind].join(kind === 'prometheus' ? '\n' : ','));
  }
}

async function stop(job: Job): Promise<undefined> {
  const cluster = await attached(job);
  const indexes = indexesOf(cluster, job.hosts);
  if (!job.values.flag('force')) {
    const { assertDispensable } = await import('../../../cluster/dispensable.ts');
    const hosts = indexes.flatMap((index) => cluster.nodes[index]?.host ?? []);
    await assertDispensable({ name: cluster.name, hosts });
  }
  await Promise.all(indexes.map((index) => cluster.stop(index)));
  await reportState(job, cluster.name, 'stopped');
}

async function start(job: Job): Promise<undefined> {
  const cluster = await attached(job);
  const indexes = indexesOf(cluster, job.hosts);
  await needState(cluster, indexes, ['stopped', 'running']);
  await Promise.all(indexes.map((index) => cluster.launch(index)));
  const states = await cluster.states();
  const running = states.filter(({ state }) => state === 'running').length;
  if (running * 2 > states.length) {
    await withCounter(job, (patience) => cluster.ready({ ...patience, nodes: indexes }));
    return reportState(job, cluster.name, 'started');
  }
  await reportState(job, cluster.name, 'started');
  const down = states.filter(({ state }) => state !== 'running').map(({ host }) => host);
  const waits = `it waits for a majority (${running} of ${states.length} run): start ${down.join(' or ')} as well`;
  noteOf(job.context, 'cluster')(waits);
}

async function resume(job: Job): Promise<undefined> {
  const cluster = await attached(job);
  const indexes = indexesOf(cluster, job.hosts);
  await needState(cluster, indexes, ['paused']);
  await Promise.all(indexes.map((index) => cluster.unpause(index)));
  try {
    await withCounter(job, (patience) => cluster.ready({ withinMs: 30_000, ...patience, nodes: indexes }));
  } catch (error) {
    if (!(error instanceof MqError) || error.code !== 'UNAVAILABLE') throw error;
    const { code, message, problems } = error;
    // RabbitMQ 4.0 (Mnesia): a node separates from the others permanently.
    throw new MqError(code, message, {
      problems,
      hint: 'after a long pause a node may have parted from the others: mq cluster heal restarts it',
      cause: error,
    });
  }
  await reportState(job, cluster.name, 'resumed');
}

/** Returns a function that applies a Docker fault to each named node. */
function each(fault: 'kill' | 'pause', done: string): Row['run'] {
  return async (job) => {
    const cluster = await attached(job);
    const indexes = indexesOf(cluster, job.hosts);
    await needState(cluster, indexes, fault === 'kill' ? ['running', 'paused'] : ['running']);
    await Promise.all(indexes.map((index) => cluster[fault](index)));
    await reportState(job, cluster.name, done);
    return undefined;
  };
}

async function needState(cluster: Cluster, indexes: readonly number[], wanted: readonly NodeState['state'][]) {
  const states = await cluster.states();
  const other = indexes.flatMap((index) => states[index] ?? []).find(({ state }) => !wanted.includes(state));
  if (other === undefined) return;
  const { host, state } = other;
  const hint =
    state === 'running' ? 'mq cluster status' : `mq cluster ${state === 'paused' ? 'resume' : 'start'} ${host}`;
  throw new MqError('REFUSED', `node ${host} is ${state}, not ${wanted.join(' or ')}`, { hint });
}

async function partition(job: Job): Promise<undefined> {
  const cluster = await attached(job);
  const indexes = indexesOf(cluster, job.hosts);
  if (indexes.length === cluster.nodes.length) throw job.values.usage('no node is left on the other side');
  const cut = (await cluster.states()).find(({ isConnected }) => !isConnected);
  if (cut) throw new MqError('REFUSED', `node ${cut.host} is cut off already`, { hint: 'mq cluster heal first' });
  await cluster.separate(indexes);
  await reportState(job, cluster.name, 'cut off');
}

async function heal(job: Job): Promise<undefined> {
  const cluster = await attached(job);
  await withCounter(job, (patience) => cluster.heal(patience));
  await reportState({ ...job, hosts: cluster.nodes.map(({ host }) => host) }, cluster.name, 'ready');
}

async function forget(job: Job): Promise<undefined> {
  const [host = ''] = job.hosts;
  const cluster = await chosenCluster(job.context, job.values);
  const { forgetNode } = await import('../../../cluster/forget.ts');
  await forgetNode({ cluster, host });
  await reportState(job, cluster, 'forgotten');
}

async function down({ context, values }: Job): Promise<undefined> {
  const { connectDocker } = await import('../../../cluster/docker.ts');
  const { listClusters, removeCluster } = await import('../../../cluster/removal.ts');
  const isAll = values.flag('all') ?? false;
  if (isAll && values.text('name') !== undefined) throw values.usage('--all and --name exclude each other');
  const names = isAll
    ? (await listClusters()).filter(({ isOwned }) => !isOwned).map(({ name }) => name)
    : [await chosenCluster(context, values)];
  const docker = await connectDocker();
  await Promise.all(names.map((name) => removeCluster(docker, name)));
  const printer = new Printer(context.stdout);
  for (const name of names)
    await (values.flag('json') ? printer.json({ name, state: 'removed' }) : printer.text(`${name} is removed`));
}
