// mq cluster status, list and url: print the state and the addresses of clusters.

import { exitStatuses } from '../../../errors.ts';
import { Printer } from '../../../terminal/printer.ts';
import { chosenCluster, indexesOf } from './choose.ts';
import { attached, type Job } from './job.ts';
import { withCounter } from './progress.ts';

export async function status(job: Job): Promise<number> {
  const name = await chosenCluster(job.context, job.values);
  const { clusterStatus } = await import('../../../cluster/status.ts');
  const { drawStatus } = await import('./draw.ts');
  const found = await withCounter(job, ({ signal }) => clusterStatus({ name, signal }), 'asking the nodes');
  const printer = new Printer(job.context.stdout);
  if (job.values.flag('json')) await printer.json(found);
  else await printer.text(drawStatus(found));
  return found.problems.length === 0 ? 0 : exitStatuses.ANSWER_NO;
}

export async function list({ context, values }: Job): Promise<undefined> {
  const { listClusters } = await import('../../../cluster/removal.ts');
  const { drawClusters } = await import('./draw.ts');
  const found = await listClusters();
  const printer = new Printer(context.stdout);
  if (values.flag('json')) for (const one of found) await printer.json(one);
  else if (found.length > 0) await printer.text(drawClusters(found));
  else context.stderr.write('mq cluster: there is no cluster\n');
}

const kinds = ['amqp', 'management', 'web-stomp', 'prometheus'] as const;

export async function url(job: Job): Promise<undefined> {
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
  const { envLines } = await import('./draw.ts');
  const printer = new Printer(context.stdout);
  if (values.flag('json')) {
    const { amqp: urls, management: managementUrls, 'web-stomp': webStompUrls, prometheus: prometheusUrls } = of;
    await printer.json({ name: cluster.name, urls, managementUrls, webStompUrls, prometheusUrls });
  } else {
    const env = { urls: of.amqp, managementUrls: of.management };
    // The addresses are separated by commas, as --url and --management-url require. No option accepts the addresses of
    // Prometheus, so each has its own line.
    await printer.text(isEnv ? envLines(cluster.name, env) : of[kind].join(kind === 'prometheus' ? '\n' : ','));
  }
}
