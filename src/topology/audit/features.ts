// Finds feature flags that a version requires, and deprecated features in use.

import { type Plain, stringOf } from '../../config/plain.ts';
import type { Target } from '../../config/target.ts';
import { type AuditFinding, severityOf } from './finding.ts';

/** RabbitMQ 4.3: features that are off unless rabbitmq.conf permits them, and features that it removed. */
const refusedBy43 = [
  'transient_nonexcl_queues',
  'global_qos',
  'queue_master_locator',
  'ram_node_type',
  'amqp_address_v1',
  'amqp_filter_set_bug',
  'classic_queue_mirroring',
];

/** Deprecated feature → the rule that finds the objects that use it. */
const rulesOfFeatures: Readonly<Record<string, string>> = {
  transient_nonexcl_queues: 'transient-queue',
  global_qos: 'global-prefetch',
  queue_master_locator: 'master-locator',
  classic_queue_mirroring: 'mirroring',
};

/** Returns the flags that must be enabled before an upgrade to the version. */
export function featureFlagFindings(
  { version, featureFlags }: { version: string; featureFlags: readonly Plain[] },
  target: Target,
): AuditFinding[] {
  if (isAtLeast(version, target)) return [];
  return featureFlags.flatMap(({ name, state, stability }) => {
    // RabbitMQ 4.0 to 4.2: this flag is experimental there.
    const isNeeded = stability !== 'experimental' || (name === 'khepri_db' && target === '4.3');
    if (state !== 'disabled' || !isNeeded || typeof name !== 'string') return [];
    return [
      {
        code: 'feature-flag',
        severity: 'error',
        kind: 'feature flag',
        name,
        message: `RabbitMQ ${target} requires it, and a node of this version does not start while it is disabled`,
        instead: `mq admin enable feature-flag ${name}`,
      },
    ];
  });
}

/** Returns the deprecated features in use, except those whose objects are among the findings. */
export function usedFeatureFindings(
  features: readonly Plain[],
  { target, found }: { target: Target; found: readonly AuditFinding[] },
): AuditFinding[] {
  return features.flatMap(({ name, doc_url: page }) => {
    const feature = stringOf(name) ?? '';
    const rule = rulesOfFeatures[feature];
    if (rule !== undefined && found.some(({ code }) => code === rule)) return [];
    const isRefused = target === '4.3' && refusedBy43.includes(feature);
    return [
      {
        code: 'deprecated-feature',
        severity: severityOf(isRefused),
        kind: 'deprecated feature',
        name: feature,
        message: `it is in use${isRefused ? ', and RabbitMQ 4.3 refuses it by default' : '; a future version of RabbitMQ removes it'}`,
        ...(typeof page === 'string' && page !== '' && { instead: `see ${page}` }),
      },
    ];
  });
}

function isAtLeast(version: string, target: Target): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [least = 0, leastMinor = 0] = target.split('.').map(Number);
  return major > least || (major === least && minor >= leastMinor);
}
