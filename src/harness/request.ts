// What the runner asks of the process of one test file.

import type { TargetPlan } from './target.ts';

/** What the runner asks of one child, by a message: arguments can be read by every user of the machine. */
export interface ChildOptions {
  /** Absolute. */
  readonly file: string;
  /** As the user would name it. */
  readonly name?: string;
  readonly timeoutMs: number;
  readonly target?: TargetPlan;
  /** Part of the name of the tests that are to run; case does not matter. */
  readonly filter?: string;
  /** true: skip what comes after the first test that fails. */
  readonly bail?: boolean;
}

/** Milliseconds for the loading of a file; `timeoutMs` is for its tests. */
export const loadTimeoutMs = 30_000;
