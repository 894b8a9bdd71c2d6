// mq test: runs the user's test files, each in its own process, against the chosen target.

import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import builtin from '../../../rascal.json' with { type: 'json' };
import type { FoundFile } from '../../config/find.ts';
import type { Context } from '../../context.ts';
import { exitStatuses } from '../../errors.ts';
import { optionSets } from '../arguments/options.ts';
import { testMerge } from '../arguments/test-options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { refuseInput } from '../input/output-file.ts';
import { assertTrusted } from '../input/trust.ts';
import { chaosPlanOf } from './test/chaos.ts';
import { type Plan, runOnce } from './test/run.ts';
import { planTarget } from './test/target.ts';

export const testCommand: Command = {
  name: 'test',
  summary: 'run tests on an embedded broker, a cluster or your broker',
  usage: '[files or folders…]',
  options: optionSets.test,
  group: 'Tests',
  topic: 'testing',
  examples: [
    'mq test',
    'mq test --on cluster',
    'mq test orders.test.ts -t refund --verbose',
    'mq test --chaos',
    'mq test --shard 1/3 --report json=1.json',
    'mq test merge 1.json 2.json 3.json --report junit=all.xml',
    'mq test --self --on amqp://…',
  ],
  verbs: {
    merge: {
      usage: '<report files…>',
      summary: 'merge the JSON reports of the shards of a run',
      options: testMerge,
      examples: ['mq test merge 1.json 2.json 3.json --report junit=all.xml'],
      run: merge,
    },
  },
  async run(context, values) {
    const plan = planOf(values);
    const { planReports } = await import('../../harness/report.ts');
    const reports = planReports(values.list('report'), values.text('report-file'));
    const open = planTarget(context, values);
    const files = await filesOf(context, values, plan);
    await refuseInputs(context, values, { reports, inputs: files });
    await checkConfig(context, values);
    const written = reports.flatMap(({ to }) => (typeof to === 'object' ? [resolve(context.cwd, to.file)] : []));
    const target = await open();
    try {
      const run = async (drain: AbortSignal, these: readonly string[]) =>
        runOnce({ ...context, drain }, { plan, reports, target, files: these });
      if (!plan.watch) return await run(context.drain, files);
      const { runAtChanges } = await import('./test/watch.ts');
      return await runAtChanges(context, {
        written,
        config: values.name('config') ?? 'rascal.json',
        canStop: target.plan.kind === 'embedded',
        run: async (drain) => run(drain, await filesOf(context, values, plan)),
      });
    } finally {
      await target.close();
    }
  },
};

/** Throws USAGE if a report would overwrite rascal.json or one of the inputs. */
async function refuseInputs(
  context: Context,
  values: Values,
  {
    reports,
    inputs,
  }: { reports: ReturnType<typeof import('../../harness/report.ts').planReports>; inputs: readonly string[] },
): Promise<void> {
  for (const { name, to } of reports)
    if (typeof to === 'object') await refuseInput(context, values, { file: to.file, from: `--report ${name}`, inputs });
}

/** Merges the JSON reports of the shards of a run. Returns the exit status of the whole run. */
async function merge(context: Context, values: Values): Promise<number> {
  const files = values.args;
  if (files.length === 0) throw values.usage('merge requires the JSON reports of the shards');
  const [{ mergeReports }, { isGood, openReports, planReports, totalsOf }] = await Promise.all([
    import('../../harness/merge.ts'),
    import('../../harness/report.ts'),
  ]);
  const planned = planReports(values.list('report'), values.text('report-file'));
  await refuseInputs(context, values, { reports: planned, inputs: files });
  const events = mergeReports(files, context.cwd);
  const reports = openReports(planned, { ...context, isVerbose: values.flag('verbose') ?? false });
  try {
    for (const event of events) reports.send(event);
  } finally {
    reports.close();
  }
  const results = events.flatMap((event) => (event.type === 'file' ? [event.result] : []));
  return isGood(totalsOf(results)) ? 0 : exitStatuses.ANSWER_NO;
}

/** Checks rascal.json once before the run, because otherwise every test file would report its problems. */
async function checkConfig(context: Context, values: Values): Promise<void> {
  const { env, cwd } = context;
  const option = values.name('config');
  if (option === undefined && !env['MQ_CONFIG'] && !existsSync(join(cwd, 'rascal.json'))) return;
  const { loadConfig } = await import('../../config/load.ts');
  // A user who runs the test files of a folder trusts its programs. With --self only mq's own suites run, so running
  // them does not show that the user trusts the folder.
  const assertAccepted = (found: FoundFile) => assertTrusted(context, found, { builtin });
  await loadConfig({
    ...(option !== undefined && { option }),
    env,
    cwd,
    builtin,
    ...(values.flag('self') && { assertAccepted }),
  });
}

function planOf(values: Values): Plan {
  return {
    seed: values.whole('seed', { min: 0, max: 2 ** 31 }),
    shard: shardOf(values),
    filter: values.name('filter'),
    timeoutMs: values.duration('timeout'),
    jobs: values.whole('jobs', { min: 1, max: 256 }),
    bail: values.flag('bail') ?? false,
    watch: values.flag('watch') ?? false,
    chaos: chaosPlanOf(values),
    isVerbose: values.flag('verbose') ?? false,
  };
}

function shardOf(values: Values): Plan['shard'] {
  const text = values.text('shard') ?? '1/1';
  const [part = Number.NaN, of = Number.NaN] = /^\d{1,4}\/\d{1,4}$/.test(text) ? text.split('/').map(Number) : [];
  if (part >= 1 && part <= of) return { part, of };
  throw values.usage(`--shard must be I/N, the I-th of N parts, not '${text}'`);
}

/** Returns the files of the shard. Each of n shards contains every n-th file, so that the shards are of equal size. */
async function filesOf({ cwd }: Context, values: Values, { shard }: Plan): Promise<string[]> {
  const all = values.flag('self') ? await ownSuites(values) : await namedFiles(values, cwd);
  return all.filter((_, index) => index % shard.of === shard.part - 1);
}

async function namedFiles(values: Values, cwd: string): Promise<string[]> {
  const { findTestFiles } = await import('../../harness/files.ts');
  return findTestFiles(values.args, cwd).sort();
}

/** Returns all suites, or the named ones. */
async function ownSuites(values: Values): Promise<string[]> {
  const { suiteFiles } = await import('../../harness/suites.ts');
  const names = suiteFiles.map((file) => file.slice(file.indexOf(':') + 1));
  const unknown = values.args.find((name) => !names.includes(name));
  if (unknown !== undefined) throw values.usage(`there is no suite '${unknown}'; the suites are ${names.join(', ')}`);
  return suiteFiles.filter((_, index) => values.args.length === 0 || values.args.includes(names[index] ?? ''));
}
