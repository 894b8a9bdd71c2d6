// The effects of watching an exchange on other clients, as the page shows them.

export interface TapEffects {
  /** Reason why the page must not watch the exchange. */
  readonly refusal?: string;
  /** Effects that the user must accept, one sentence each. */
  readonly warnings: readonly string[];
}
