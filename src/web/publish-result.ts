// The result of a publish, as the page receives it.

export interface PublishResult {
  readonly outcome: 'confirmed' | 'unroutable' | 'refused' | 'in doubt' | 'not sent';
  /** Reason why it is not confirmed. */
  readonly message?: string;
}
