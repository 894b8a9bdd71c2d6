// One option of the command line, as data.

export interface Option {
  /** Without dashes; as the user types it. */
  readonly name: string;
  readonly short?: string;
  /** The word for its value in help; absent: a flag. `DURATION` is what values.ts accepts as one. */
  readonly value?: string;
  /** The value may be left out, and is this then; else it follows a `=`. */
  readonly bare?: string;
  /** The default; shown at the end of the option's help. */
  readonly default?: string;
  readonly repeats?: true;
  /** Takes every argument after it (`--exec CMD ARGS…`). */
  readonly rest?: true;
  /** The values that it may have, where they are few; for completions. */
  readonly words?: readonly string[];
  /** `--no-NAME` is there too. */
  readonly negatable?: true;
  readonly help: string;
}
