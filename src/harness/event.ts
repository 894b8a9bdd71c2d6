// What a test file's own process tells the runner, in order, over IPC. Strings and numbers only.

/** Why something failed, ready to be shown. */
export interface Failure {
  readonly message: string;
  /** The difference between what was and what was expected. */
  readonly details?: string;
  /** The frames of the user's files, innermost first. */
  readonly stack: readonly string[];
  /** The stderr of the roles that the test started. */
  readonly roles?: string;
}

export type TestEvent =
  /** The file is loaded; these are its tests, in order. Later events name a test by its place here. */
  | {
      readonly type: 'plan';
      readonly tests: readonly string[];
      /** The line of each in the file, from 1; 0: unknown. */
      readonly lines?: readonly number[];
      readonly skipped: readonly Skipped[];
      /** How many the filter left out. */
      readonly filtered: number;
    }
  | { readonly type: 'start'; readonly test: number }
  | { readonly type: 'pass'; readonly test: number; readonly ms?: number }
  | { readonly type: 'skip'; readonly test: number; readonly reason: string; readonly ms?: number }
  /** `test` is absent when the failure belongs to no test; `place` says what failed then. `ms`: how long the test took. */
  | {
      readonly type: 'fail';
      readonly test?: number;
      readonly place?: string;
      readonly failure: Failure;
      readonly ms?: number;
    }
  /** Everything was run; uvu's own numbers. */
  | { readonly type: 'end'; readonly ran: number; readonly total: number };

export interface Skipped {
  readonly test: string;
  readonly reason: string;
  /** In the file, from 1. */
  readonly line?: number;
}
