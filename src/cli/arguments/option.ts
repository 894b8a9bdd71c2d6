// Defines a command-line option as data.

export interface Option {
  /** Name without dashes, as the user types it. */
  readonly name: string;
  readonly short?: string;
  /**
   * Placeholder for the value in help, such as `FILE`. If absent, the option is a flag. help.ts explains `DURATION`.
   */
  readonly value?: string;
  /** Value if the user types the option without one. If `bare` is set, a value must be written after `=`. */
  readonly bare?: string;
  /** Default, shown at the end of the option's help. */
  readonly default?: string;
  readonly repeats?: true;
  /** `true` if the option accepts all following arguments (`--exec CMD ARGS…`). */
  readonly rest?: true;
  /** Values that completions offer. */
  readonly words?: readonly string[];
  /** `true` if `--no-NAME` exists too. */
  readonly negatable?: true;
  readonly help: string;
}
