// Defines a finding of an audit.

export type AuditedKind =
  | 'queue'
  | 'exchange'
  | 'binding'
  | 'policy'
  | 'operator policy'
  | 'channel'
  | 'connection'
  | 'feature flag'
  | 'deprecated feature';

export interface AuditFinding {
  /** Name of the rule, such as `transient-queue`. */
  readonly code: string;
  /** `error`: it does not work with the version. `warning`: it works but is deprecated, or may lose messages. */
  readonly severity: 'error' | 'warning';
  readonly kind: AuditedKind;
  readonly name: string;
  /** Absent if the object belongs to no vhost. */
  readonly vhost?: string;
  readonly message: string;
  /** Replacement or next step. */
  readonly instead?: string;
}

/** Returns the verdict of a rule that a newer version turns into a refusal. */
export function severityOf(isRefused: boolean): AuditFinding['severity'] {
  return isRefused ? 'error' : 'warning';
}
