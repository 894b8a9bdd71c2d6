// Selects the tests of a file that run, runs them group by group, and sends the events to the runner.

import type { Failure, Skipped, TestEvent } from './event.ts';
import { type FileRun, GroupRun, type PlannedEntry, type RunContext, titleOf } from './group-run.ts';
import { type Entry, type Group, groups, takeUnrun } from './uvu.ts';

/** Runs the tests that the file registered, and sends the events to the runner. */
export async function runGroups(context: RunContext): Promise<void> {
  const unrun = takeUnrun();
  const plan = planOf(context);
  context.send(plan.event);
  for (const group of unrun) {
    const why = `.run() was never called; tests registered: ${group.tests.length}`;
    context.fail(titleOf(group), failureWith(why));
  }
  const file: FileRun = { isOver: false };
  let [ran, total] = [0, 0];
  for (const { group, entries } of plan.groups) {
    if (group.tests.length === 0) {
      context.fail(titleOf(group), failureWith('has no test, but .run() was called'));
    }
    if (entries.length === 0) continue;
    const counts = await new GroupRun(group, context, file).run(entries);
    ran += counts.ran;
    total += counts.total;
  }
  for (const { test, what } of (await context.leaks?.left()) ?? []) {
    context.fail(test, failureWith(`left ${what}`));
  }
  context.send({ type: 'end', ran, total });
}

interface Plan {
  readonly groups: readonly { readonly group: Group; readonly entries: readonly PlannedEntry[] }[];
  readonly event: TestEvent;
}

/** Selects the tests to run. A test is identified by its index in `event.tests`. */
function planOf({ filter = '', tests: named }: Pick<RunContext, 'filter' | 'tests'>): Plan {
  const isSelected = (name: string) =>
    name.toLowerCase().includes(filter.toLowerCase()) && (named === undefined || named.includes(name));
  const tests: string[] = [];
  const lines: number[] = [];
  const skipped: Skipped[] = [];
  let filtered = 0;
  const planned = groups.map((group) => {
    const only = group.tests.some(({ mode }) => mode === 'only');
    const entries: PlannedEntry[] = [];
    for (const entry of group.tests) {
      const name = group.name === '' ? entry.name : `${group.name}: ${entry.name}`;
      const reason = skipReason(entry, only);
      if (!isSelected(name)) filtered++;
      else if (reason !== undefined) skipped.push({ test: name, reason, line: entry.line });
      else {
        entries.push({ ...entry, test: tests.push(name) - 1 });
        lines.push(entry.line);
      }
    }
    return { group, entries };
  });
  return { groups: planned, event: { type: 'plan', tests, lines, skipped, filtered } };
}

function skipReason({ mode }: Entry, only: boolean): string | undefined {
  if (mode === 'skip') return 'test.skip';
  return only && mode !== 'only' ? 'another test has .only' : undefined;
}

/** Returns a failure that the runner itself has found. It has no stack. */
export function failureWith(message: string): Failure {
  return { message, stack: [] };
}
