// Runs the test files once, each in its own process, and reports the results.

import { availableParallelism, platform } from 'node:os';
import { relative } from 'node:path';
import type { Context } from '../../../context.ts';
import { exitStatuses } from '../../../errors.ts';
import type { FileResult } from '../../../harness/file-run.ts';
import { Progress } from '../../../terminal/progress.ts';
import { time } from '../../../time.ts';
import { type ChaosPlan, chaosNote, chaosOptions, unreachedNotes } from './chaos.ts';
import type { RunTarget } from './target.ts';

/** Settings of the command line. With --watch they apply to every run. */
export interface Plan {
  readonly seed: number | undefined;
  /** Part of the files to run. `of` is 1 without --shard. */
  readonly shard: { readonly part: number; readonly of: number };
  readonly filter: string | undefined;
  readonly timeoutMs: number | undefined;
  readonly jobs: number | undefined;
  readonly bail: boolean;
  /** `undefined` without --chaos. */
  readonly chaos: ChaosPlan | undefined;
  readonly watch: boolean;
  readonly isVerbose: boolean;
}

type Report = typeof import('../../../harness/report.ts');
type Reports = ReturnType<Report['openReports']>;

interface Run {
  readonly plan: Plan;
  readonly reports: ReturnType<Report['planReports']>;
  readonly target: RunTarget;
  readonly files: readonly string[];
}

/** Runs the test files and reports the results. Returns the exit status. */
export async function runOnce(context: Context, run: Run): Promise<number> {
  const [{ newSeed }, { openReports }] = await Promise.all([
    import('../../../harness/order.ts'),
    import('../../../harness/report.ts'),
  ]);
  const { plan, target, files } = run;
  const seed = plan.seed ?? newSeed();
  const shard = shardName(plan);
  const reports = openReports(run.reports, { ...context, isVerbose: plan.isVerbose });
  try {
    reports.send({ type: 'start', files: files.length, target: target.title, seed, ...(shard && { shard }) });
    if (target.note !== undefined) reports.send({ type: 'note', text: target.note });
    if (plan.chaos !== undefined) reports.send({ type: 'note', text: chaosNote(plan.chaos) });
    return await runAndReport(context, run, { seed, reports });
  } finally {
    reports.close();
  }
}

/** Returns `1/3` for the first of three parts, or `undefined` without --shard. */
function shardName({ shard: { part, of } }: Plan): string | undefined {
  return of === 1 ? undefined : `${part}/${of}`;
}

async function runAndReport(
  context: Context,
  { plan, target, files }: Run,
  { seed, reports }: { seed: number; reports: Reports },
): Promise<number> {
  const [{ shuffled }, { runFiles }] = await Promise.all([
    import('../../../harness/order.ts'),
    import('../../../harness/run.ts'),
  ]);
  const { cwd, drain } = context;
  const progress = new Progress(context.stderr, files.length * (plan.chaos?.seeds.length ?? 0));
  let runs = 0;
  const onRun = (what: string) => progress.begin(runs++, what);
  const begun = time.now();
  const results = await runFiles({
    files: shuffled(files, seed),
    nameOf: (file) => relative(cwd, file),
    jobs: plan.jobs ?? (isShared(target) ? 1 : Math.max(2, Math.floor(availableParallelism() / 2))),
    timeoutMs: plan.timeoutMs ?? (target.plan.kind === 'cluster' ? 120_000 : 30_000),
    target: target.plan,
    bail: plan.bail,
    ...(plan.filter !== undefined && { filter: plan.filter }),
    ...(plan.chaos && { chaos: chaosOptions(plan.chaos, { cwd, onRun }) }),
    launch: launchOf(context),
    signal: drain,
    onResult: (result) => {
      progress.end();
      reports.send({ type: 'file', result });
      const notes = plan.chaos ? unreachedNotes(relative(cwd, result.file), result.unreached ?? [], plan.chaos) : [];
      for (const text of notes) reports.send({ type: 'note', text });
    },
  });
  return await finish(context, { plan, reports, results, ms: time.now() - begun });
}

interface Finished {
  readonly plan: Plan;
  readonly reports: Reports;
  readonly results: readonly FileResult[];
  readonly ms: number;
}

/** Reports the end of the run. Returns the exit status. */
async function finish({ drain }: Context, { plan, reports, results, ms }: Finished): Promise<number> {
  const { emptiness, isGood, totalsOf } = await import('../../../harness/report.ts');
  const totals = totalsOf(results);
  const shard = shardName(plan);
  if (!drain.aborted && shard !== undefined && emptiness(totals) !== undefined)
    reports.send({ type: 'note', text: `shard ${shard}: ${emptiness(totals)}` });
  const interrupted = drain.aborted && { interrupted: String(drain.reason) };
  reports.send({ type: 'finish', ms, ...interrupted, ...(shard && { shard }) });
  if (drain.aborted) return drain.reason === 'SIGINT' ? exitStatuses.INTERRUPTED : exitStatuses.TERMINATED;
  return isGood(totals, shard) ? 0 : exitStatuses.ANSWER_NO;
}

/**
 * Returns `true` if test files affect each other through faults of a cluster, or through messages in a shared vhost.
 */
function isShared({ plan }: RunTarget): boolean {
  return plan.kind === 'cluster' || (plan.kind === 'url' && plan.managementUrls.length === 0);
}

function launchOf({ self, env, kill, spare }: Context) {
  return {
    ...(spare && { spare }),
    command: self.command,
    args: [...self.args, 'test-child'],
    env,
    kill: (pid: number) => {
      try {
        kill(platform() === 'win32' ? pid : -pid, 'SIGKILL');
      } catch {
        // The process no longer exists.
      }
    },
  };
}
