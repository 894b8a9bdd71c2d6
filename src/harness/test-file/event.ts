// Defines the events that the process of a test file sends to the runner, in order. They contain only strings
// and numbers.

/** A failure as text that a report can show. */
export interface Failure {
  readonly message: string;
  /** Difference between the actual and the expected value. */
  readonly details?: string;
  /** Stack frames in the user's files, innermost first. */
  readonly stack: readonly string[];
  /** stderr of the roles that the test started. */
  readonly roles?: string;
}

export type TestEvent =
  /** The file is loaded. `tests` lists its tests in order; later events refer to a test by its index. */
  | {
      readonly type: 'plan';
      readonly tests: readonly string[];
      /** Line of each test in the file, starting at 1. 0 means unknown. */
      readonly lines?: readonly number[];
      readonly skipped: readonly Skipped[];
      /** Number of tests that the filter excluded. */
      readonly filtered: number;
    }
  | { readonly type: 'start'; readonly test: number }
  /** `faults` is the number of faults that --chaos has caused in the test, out of `chances`. */
  | {
      readonly type: 'pass';
      readonly test: number;
      readonly ms?: number;
      readonly faults?: number;
      readonly chances?: number;
    }
  | { readonly type: 'skip'; readonly test: number; readonly reason: string; readonly ms?: number }
  /**
   * `test` is absent if the failure does not belong to a test; `place` then names what failed. `ms` is the duration of
   * the test.
   */
  | {
      readonly type: 'fail';
      readonly test?: number;
      readonly place?: string;
      readonly failure: Failure;
      readonly ms?: number;
    }
  /** All tests have run. The numbers are uvu's. */
  | { readonly type: 'end'; readonly ran: number; readonly total: number };

export interface Skipped {
  readonly test: string;
  readonly reason: string;
  /** Line in the file, starting at 1. */
  readonly line?: number;
}
