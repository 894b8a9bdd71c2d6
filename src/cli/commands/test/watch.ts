// Runs the tests again when a file of the folder changes (--watch).

import { relative, resolve } from 'node:path';
import type { Context } from '../../../context.ts';
import { changes } from '../../../harness/watch.ts';

interface WatchedRuns {
  /** Absolute paths of the reports. */
  readonly written: readonly string[];
  /** Path of rascal.json. */
  readonly config: string;
  /** `true` if a run can be stopped at any time. On a cluster or another broker it would leave its faults or messages. */
  readonly canStop: boolean;
  /** Runs the tests until the signal aborts, and returns the exit status. */
  readonly run: (drain: AbortSignal) => Promise<number>;
}

/** Returns the exit status of the last run after a signal. A change of a module or of rascal.json stops a run. */
export async function runAtChanges(
  { cwd, drain, stdout, stderr }: Context,
  { written, config, canStop, run }: WatchedRuns,
): Promise<number> {
  const watched = changes(cwd, { signal: drain, written, outputs: [stdout, stderr] });
  const isSource = (file: string) => /\.[cm]?[jt]s$/.test(file) || file === resolve(cwd, config);
  // Watching starts before the tests run, because a file may change during the run.
  let next = watched.next();
  for (;;) {
    const stop = new AbortController();
    const running = run(AbortSignal.any([drain, stop.signal]));
    const ended = running.then(() => undefined);
    let changed: string | undefined;
    for (let change = await Promise.race([next, ended]); change?.done === false; ) {
      changed = change.value;
      next = watched.next();
      if (canStop && isSource(changed)) stop.abort(`a change of ${relative(cwd, changed)}`);
      change = await Promise.race([next, ended]);
    }
    const status = await running;
    if (drain.aborted) return status;
    if (changed === undefined) {
      stderr.write(`\nwatching ${cwd} for changes; Ctrl-C ends it\n`);
      const change = await next;
      if (change.done) return status;
      changed = change.value;
      next = watched.next();
    }
    stderr.write(`\n${relative(cwd, changed)} has changed\n`);
  }
}
