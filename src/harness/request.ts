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

/**
 * Returns the time limit for loading a file, and for opening and closing its target, in milliseconds: 30,000, or the limit of one
 * test if that is longer.
 */
export const loadTimeoutMs = (timeoutMs: number): number => Math.max(30_000, timeoutMs);
