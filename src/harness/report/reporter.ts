// Defines a reporter: a function that converts the events of a run to text. outputs.ts decides where the text goes.

import type { FileResult } from '../file-run.ts';

/** Events of a run in order: one `start`, then `file` and `note`, one `finish`. */
export type RunEvent =
  /** `files` is the number of files to run. `target` describes what they run against. */
  | {
      readonly type: 'start';
      readonly files: number;
      readonly target: string;
      readonly seed?: number;
      readonly shard?: string;
    }
  /** A file has ended. */
  | { readonly type: 'file'; readonly result: FileResult }
  /** A sentence about the run for the user. */
  | { readonly type: 'note'; readonly text: string }
  /** `interrupted` is the signal that ended the run early. `shard` is the part of the run, such as `2/3`. */
  | { readonly type: 'finish'; readonly ms: number; readonly interrupted?: string; readonly shard?: string };

/** Information that a reporter needs in addition to the events. */
export interface ReportContext {
  /** Absolute path. Displayed paths are relative to it. */
  readonly cwd: string;
  /** Absolute path of the repository's folder. Paths in annotations are relative to it. */
  readonly repository: string;
  /** Returns the text of a file, or `undefined` if it cannot be read. */
  readonly read: (file: string) => string | undefined;
  /** Returns milliseconds since 1970. */
  readonly now: () => number;
  /** `true` if the text report also names passed tests. */
  readonly isVerbose: boolean;
  /** `true` if the report goes to a terminal with colours. */
  readonly isColoured: boolean;
}

/** Starts a report. The returned function receives each event and returns the text to write, which may be empty. */
export type Reporter = (context: ReportContext) => (event: RunEvent) => string;
