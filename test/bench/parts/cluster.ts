// Measures the duration of `mq cluster up` for three nodes and for one. Nodes share the processors.

import { executable } from '../../support/mq.ts';
import { inTurn, measure } from '../measure.ts';
import { elapsedMs, table } from '../table.ts';
import type { Settings } from './node.ts';

export async function cluster({ runs }: Settings): Promise<void> {
  const name = `mq-bench-${process.pid}`;
  const up = (nodes: number) => ({
    command: [executable, 'cluster', 'up', '--name', name, '--nodes', String(nodes), '--image', 'mq-rabbitmq:4.3'],
  });
  const down = async () => {
    await measure({ command: [executable, 'cluster', 'down', '--name', name] }).catch(() => undefined);
  };
  const [three = [], one = []] = await inTurn(Math.min(runs, 3), [up(3), up(1)], down);
  await down();
  table(
    'mq cluster up',
    [elapsedMs],
    [
      { name: 'three nodes', rounds: three },
      { name: 'one node', rounds: one },
    ],
  );
}
