// Defines a command-line option as data.

export interface Option {
  /** Name without dashes, as the user types it. */
  readonly name: string;
  readonly short?: string;
  /** Placeholder for its value in help. If absent, the option is a flag. values.ts parses `DURATION`. */
  readonly value?: string;
  /** Default value if the option is given without a value. A value must then follow `=`. */
  readonly bare?: string;
  /** Default, shown at the end of the option's help. */
  readonly default?: string;
  readonly repeats?: true;
  /** `true` if the option accepts all following arguments (`--exec CMD ARGS…`). */
  readonly rest?: true;
  /** Its possible values, if they are few; for completions. */
  readonly words?: readonly string[];
  /** `true` if `--no-NAME` exists too. */
  readonly negatable?: true;
  readonly help: string;
}
