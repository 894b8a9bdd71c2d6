// Decides what became of one test file, by numbers: what it registered, what ran, how its process ended.

import type { Failure, Skipped, TestEvent } from './event.ts';

/** How the process of a file ended. `killed`: the runner had to end it, and why. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly killed?: string;
}

export interface FileFailure extends Failure {
  /** The test's name in quotes, or what else failed. */
  readonly title: string;
}

export interface Verdict {
  readonly passed: number;
  readonly failures: readonly FileFailure[];
  readonly skipped: readonly Skipped[];
}

/** A file passes (no failures) only if every registered test ran to its end and the process ended well. */
export function judge(events: readonly TestEvent[], ending: Ending): Verdict {
  const plan = events.find((event) => event.type === 'plan');
  const end = events.find((event) => event.type === 'end');
  const failures: FileFailure[] = [];
  const add = (title: string, message: string) => failures.push({ title, message, stack: [] });
  const named = (test: number) => `"${plan?.tests[test]}"`;

  for (const event of events) {
    if (event.type !== 'fail') continue;
    const title = event.test === undefined ? (event.place ?? 'the file') : named(event.test);
    failures.push({ title, ...event.failure });
  }
  const skips = events.filter((event) => event.type === 'skip');
  const passes = events.filter((event) => event.type === 'pass');
  const settled = new Set(
    events.map((event) => (settling.has(event.type) && 'test' in event ? event.test : undefined)),
  );
  const started = new Set(events.map((event) => (event.type === 'start' ? event.test : undefined)));
  const how = sentence(ending);

  if (plan === undefined && failures.length === 0) add('loading the file', how);
  plan?.tests.forEach((_, test) => {
    if (!settled.has(test)) add(named(test), started.has(test) ? `did not end: ${how}` : 'did not run');
  });
  if (plan !== undefined && plan.tests.length + plan.skipped.length + plan.filtered === 0 && failures.length === 0) {
    add('the file', 'has no test');
  }
  if (failures.length === 0) {
    const ran = passes.length + skips.length;
    if (end === undefined) add('the file', `did not end: ${how}`);
    else if (end.ran !== end.total || end.total !== plan?.tests.length || ran !== end.ran) {
      add('the file', `${plan?.tests.length} tests are to run; uvu ran ${end.ran} of ${end.total}; ${ran} reported`);
    } else if (ending.code !== 0) add('the file', `ended badly after its tests: ${how}`);
  }
  const skipped = skips.map(({ test, reason }) => ({ test: plan?.tests[test] ?? '', reason }));
  return { passed: passes.length, failures, skipped: [...(plan?.skipped ?? []), ...skipped] };
}

const settling = new Set(['pass', 'skip', 'fail']);

function sentence({ code, signal, killed }: Ending): string {
  if (killed !== undefined) return killed;
  return signal === null ? `the process exited with status ${code}` : `the process was ended by ${signal}`;
}
