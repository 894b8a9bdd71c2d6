// mq cluster forget and down: remove a node or a cluster.

import { Printer } from '../../../terminal/printer.ts';
import { chosenCluster } from './choose.ts';
import { type Job, reportState } from './job.ts';

export async function forget(job: Job): Promise<undefined> {
  const [host = ''] = job.hosts;
  const cluster = await chosenCluster(job.context, job.values);
  const { forgetNode } = await import('../../../cluster/forget.ts');
  await forgetNode({ cluster, host });
  await reportState(job, cluster, 'forgotten');
}

export async function down({ context, values }: Job): Promise<undefined> {
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
