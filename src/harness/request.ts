// What the runner asks of the process of one test file.

/** What the runner asks of one child. */
export interface ChildOptions {
  /** Absolute. */
  readonly file: string;
  /** As the user would name it. */
  readonly name?: string;
  readonly timeoutMs: number;
  /** Part of the name of the tests that are to run; case does not matter. */
  readonly filter?: string;
}

/** The variable that holds the child's TargetPlan as JSON: arguments can be read by every user of the machine, and it has passwords. */
export const targetVariable = 'MQ_TEST_TARGET';

/** Milliseconds for the loading of a file; `timeoutMs` is for its tests. */
export const loadTimeoutMs = 30_000;
