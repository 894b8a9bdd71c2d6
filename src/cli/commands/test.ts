// mq test: the user's test files, each in a process of its own, against the target of their choice.

import { relative } from 'node:path';
import type { Context } from '../../context.ts';
import { exitStatuses } from '../../errors.ts';
import type { Command } from '../command.ts';

export const testCommand: Command = {
  name: 'test',
  summary: 'run test files against a broker that comes with it, a cluster in containers, or a broker of yours',
  usage: '[files or folders…]',
  options: 'test',
  group: 'Tests',
  examples: [
    'mq test',
    'mq test --on cluster',
    'mq test orders.test.ts --filter refund',
    'mq test --self --on amqp://…',
  ],
  async run(context, values) {
    const [{ findTestFiles }, { newSeed, shuffled }, { runFiles }, report] = await Promise.all([
      import('../../harness/files.ts'),
      import('../../harness/order.ts'),
      import('../../harness/run.ts'),
      import('../../harness/report.ts'),
    ]);
    const files = await findTestFiles(values.args, context.cwd);
    const seed = values.whole('seed', { min: 0, max: 2 ** 31 }) ?? newSeed();
    const timeoutMs = values.seconds('timeout') ?? 30_000;
    const filter = values.text('filter');
    const results = await runFiles({
      files: shuffled(files, seed),
      nameOf: (file) => relative(context.cwd, file),
      jobs: values.whole('jobs', { min: 1, max: 256 }) ?? 2,
      timeoutMs,
      ...(filter !== undefined && { filter }),
      launch: launchOf(context),
      signal: context.drain,
      onResult: (result) => void context.stdout.write(`${report.drawFile(result, context.cwd)}\n`),
    });
    const totals = report.totalsOf(results);
    context.stdout.write(`${report.closingLine(totals)}\n`);
    return report.isGood(totals) ? 0 : exitStatuses.ANSWER_NO;
  },
};

function launchOf({ self, env, kill }: Context) {
  return {
    command: self.command,
    args: [...self.args, 'test-child'],
    env,
    kill: (pid: number) => {
      try {
        kill(-pid, 'SIGKILL');
      } catch {
        // Nothing of it is left.
      }
    },
  };
}
