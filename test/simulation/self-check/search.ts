// Searches for the first seed that shows a deliberate error.

import type { BrokenBuild } from './broken-builds.ts';
import { simulate, withEdits } from './edited-copy.ts';

export interface Found {
  /** The first seed that shows the error. */
  readonly seed: number | undefined;
  /** Number of seeds that were run. */
  readonly seeds: number;
}

/** Runs the seeds of a broken build over a copy of the sources, with additional options of run.ts. */
export async function search(
  folder: string,
  { edits, caught, seeds, faults }: BrokenBuild,
  options: readonly string[] = [],
): Promise<Found> {
  const args = [...options, '--seed', '1', '--schedules', String(seeds), '--until', caught.source, '--minutes', '30'];
  if (faults) args.push('--with', faults.join(','));
  const { stdout, stderr } = await withEdits(folder, edits, () => simulate(args, { folder }));
  const run = numberIn(stdout, /^(\d+) schedules/m);
  if (Number.isNaN(run)) throw new Error(`the simulation did not run: ${stderr}`);
  // Several processes run the seeds, so their reports are not in order.
  const reports = stdout
    .split(/^(?=seed \d+: )/m)
    .filter((report) => violationsIn(report).some((violation) => caught.test(violation)));
  return {
    seed: reports.map((report) => numberIn(report, /^seed (\d+)/)).sort((a, b) => a - b)[0],
    seeds: run,
  };
}

/** Violations follow `seed N: ` or, after the first one, two spaces. */
function violationsIn(report: string): string[] {
  return report.split('\n').map((line) => line.replace(/^(seed \d+: | {2})/, ''));
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1]);
}
