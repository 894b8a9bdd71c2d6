// Defines the request from the runner to the process of a test file.

import type { TargetPlan } from './target.ts';

/** Options for one child. They are sent as a message, because every user of the machine can read arguments. */
export interface ChildOptions {
  /** Absolute path. */
  readonly file: string;
  /** Path as the user would write it. */
  readonly name?: string;
  readonly timeoutMs: number;
  readonly target?: TargetPlan;
  /** Part of the names of the tests to run. Case is ignored. */
  readonly filter?: string;
  /** Full names of the tests to run. Defaults to all. */
  readonly tests?: readonly string[];
  /** `true` skips all tests after the first failure. */
  readonly bail?: boolean;
}

/** Time limit for loading a file, in milliseconds. `timeoutMs` applies to its tests. */
export const loadTimeoutMs = 30_000;
