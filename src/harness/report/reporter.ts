// What a reporter is: a function over the events of one run. It gives text; where the text goes is outputs.ts's business.

import type { FileResult } from '../run.ts';

/** What happens in a run, in order: one `start`, then `file` and `note`, one `finish`. */
export type RunEvent =
  /** `files`: how many are to run; `target`: what they run against, in a few words. */
  | {
      readonly type: 'start';
      readonly files: number;
      readonly target: string;
      readonly seed?: number;
      readonly shard?: string;
    }
  /** A file has ended. */
  | { readonly type: 'file'; readonly result: FileResult }
  /** A sentence about the run for the person who reads it. */
  | { readonly type: 'note'; readonly text: string }
  /** `interrupted`: the signal that ended the run before all files had run. `shard`: `2/3`, which part of a run it was. */
  | { readonly type: 'finish'; readonly ms: number; readonly interrupted?: string; readonly shard?: string };

/** What a reporter has to know beside the events. */
export interface Surroundings {
  /** Absolute. Paths are shown from here. */
  readonly cwd: string;
  /** Absolute: the folder of the repository. Annotations name files from here. */
  readonly repository: string;
  /** The text of a file, undefined if it cannot be read. */
  readonly read: (file: string) => string | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Of the text report: name the tests that passed. */
  readonly isVerbose: boolean;
  /** The report goes to a terminal that shows colours. */
  readonly isColoured: boolean;
}

/** Begins a report; the function it gives takes each event and gives the text to write for it, '' for none. */
export type Reporter = (surroundings: Surroundings) => (event: RunEvent) => string;
