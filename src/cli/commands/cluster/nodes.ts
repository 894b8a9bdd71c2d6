// mq cluster stop, start, kill, pause, resume, partition and heal: make nodes fail, and repair them.

import type { Cluster, NodeState } from '../../../cluster/cluster.ts';
import { MqError } from '../../../errors.ts';
import { noteOf } from '../../error-text.ts';
import { indexesOf } from './choose.ts';
import { attached, type Job, reportState } from './job.ts';
import { withCounter } from './progress.ts';

export async function stop(job: Job): Promise<undefined> {
  const cluster = await attached(job);
  const indexes = indexesOf(cluster, job.hosts);
  if (!job.values.flag('force')) {
    const { assertMajority } = await import('../../../cluster/majority.ts');
    const hosts = indexes.flatMap((index) => cluster.nodes[index]?.host ?? []);
    await assertMajority({ name: cluster.name, hosts });
  }
  await Promise.all(indexes.map((index) => cluster.stop(index)));
  await reportState(job, cluster.name, 'stopped');
}

export async function start(job: Job): Promise<undefined> {
  const cluster = await attached(job);
  const indexes = indexesOf(cluster, job.hosts);
  await assertState(cluster, indexes, ['stopped', 'running']);
  await Promise.all(indexes.map((index) => cluster.launch(index)));
  const states = await cluster.states();
  const running = states.filter(({ state }) => state === 'running').length;
  if (running * 2 > states.length) {
    await withCounter(job, (patience) => cluster.ready({ ...patience, nodes: indexes }));
    return reportState(job, cluster.name, 'started');
  }
  await reportState(job, cluster.name, 'started');
  const down = states.filter(({ state }) => state !== 'running').map(({ host }) => host);
  const text = `the cluster waits for a majority (${running} of ${states.length} nodes are running): start ${down.join(' or ')} as well`;
  noteOf(job.context, 'cluster')(text);
}

export async function resume(job: Job): Promise<undefined> {
  const cluster = await attached(job);
  const indexes = indexesOf(cluster, job.hosts);
  await assertState(cluster, indexes, ['paused']);
  await Promise.all(indexes.map((index) => cluster.unpause(index)));
  try {
    await withCounter(job, (patience) => cluster.ready({ withinMs: 30_000, ...patience, nodes: indexes }));
  } catch (error) {
    if (!(error instanceof MqError) || error.code !== 'UNAVAILABLE') throw error;
    const { code, message, problems } = error;
    // With RabbitMQ 4.0 (Mnesia), a node separates from the others permanently after a long pause.
    throw new MqError(code, message, {
      problems,
      hint: 'after a long pause a node may have separated from the others: mq cluster heal restarts it',
      cause: error,
    });
  }
  await reportState(job, cluster.name, 'resumed');
}

/** Returns a verb that kills or pauses the containers of the named nodes. */
export function verbOfFault(fault: 'kill' | 'pause', done: string): (job: Job) => Promise<undefined> {
  return async (job) => {
    const cluster = await attached(job);
    const indexes = indexesOf(cluster, job.hosts);
    await assertState(cluster, indexes, fault === 'kill' ? ['running', 'paused'] : ['running']);
    await Promise.all(indexes.map((index) => cluster[fault](index)));
    await reportState(job, cluster.name, done);
    return undefined;
  };
}

async function assertState(cluster: Cluster, indexes: readonly number[], wanted: readonly NodeState['state'][]) {
  const states = await cluster.states();
  const other = indexes.flatMap((index) => states[index] ?? []).find(({ state }) => !wanted.includes(state));
  if (other === undefined) return;
  const { host, state } = other;
  const hint =
    state === 'running' ? 'mq cluster status' : `mq cluster ${state === 'paused' ? 'resume' : 'start'} ${host}`;
  throw new MqError('REFUSED', `node ${host} is ${state}, not ${wanted.join(' or ')}`, { hint });
}

export async function partition(job: Job): Promise<undefined> {
  const cluster = await attached(job);
  const indexes = indexesOf(cluster, job.hosts);
  if (indexes.length === cluster.nodes.length)
    throw job.values.usage('a partition requires at least one node on the other side');
  const cut = (await cluster.states()).find(({ isConnected }) => !isConnected);
  if (cut) throw new MqError('REFUSED', `node ${cut.host} is already cut off`, { hint: 'first run mq cluster heal' });
  await cluster.separate(indexes);
  await reportState(job, cluster.name, 'cut off');
}

export async function heal(job: Job): Promise<undefined> {
  const cluster = await attached(job);
  await withCounter(job, (patience) => cluster.heal(patience));
  await reportState({ ...job, hosts: cluster.nodes.map(({ host }) => host) }, cluster.name, 'ready');
}
