// mq cluster logs: prints the output of the nodes, each line with its node's name.

import { isClosedPipe, Printer } from '../../../terminal/printer.ts';
import { chosenCluster, indexesOf } from './choose.ts';
import type { Job } from './job.ts';

export async function printLogs(job: Job): Promise<undefined> {
  try {
    await print(job);
  } catch (error) {
    // A closed pipe is not an error: mq cluster logs | head -1
    if (!isClosedPipe(error)) throw error;
  }
}

async function print({ context, values, hosts }: Job): Promise<void> {
  const tail = values.whole('tail', { min: 1, max: 1_000_000 });
  const { attachCluster } = await import('../../../cluster/cluster.ts');
  const cluster = await attachCluster({ name: await chosenCluster(context, values) });
  const indexes = indexesOf(cluster, hosts);
  const printer = new Printer(context.stdout);
  const printLine = (index: number, line: string) => {
    const node = cluster.nodes[index]?.host ?? '';
    if (values.flag('json')) return printer.json({ node, line });
    return printer.text(indexes.length > 1 ? `${node} | ${line}` : line);
  };
  if (!values.flag('follow')) {
    for (const index of indexes) {
      const text = await cluster.logs(index, tail);
      for (const line of text.replace(/\n$/, '').split('\n')) await printLine(index, line);
    }
    return;
  }
  const { drain: signal } = context;
  const follow = indexes.map((index) =>
    cluster.follow(index, { lines: tail ?? 10, signal, onLine: (line) => printLine(index, line) }),
  );
  await Promise.all(follow);
}
