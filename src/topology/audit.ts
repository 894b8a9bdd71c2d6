// Finds what breaks in a broker with a RabbitMQ version, or is dangerous today. Pure: it sends no request.

import { type Plain, stringOf } from '../config/plain.ts';
import { refusedItems, type Target } from '../config/target.ts';
import { bindingFindings } from './audit/bindings.ts';
import { channelFindings, connectionFindings } from './audit/clients.ts';
import { featureFlagFindings, usedFeatureFindings } from './audit/features.ts';
import type { AuditedKind, AuditFinding } from './audit/finding.ts';
import { policyFindings } from './audit/policies.ts';
import { droppingFindings } from './audit/queues.ts';

export type { AuditFinding } from './audit/finding.ts';

/** Lists of the management API, each item as the broker returns it. */
export interface AuditedBroker {
  /** Version of the broker, such as `4.0.5`. */
  readonly version: string;
  readonly exchanges: readonly Plain[];
  readonly queues: readonly Plain[];
  readonly bindings: readonly Plain[];
  readonly policies: readonly Plain[];
  readonly operatorPolicies: readonly Plain[];
  readonly connections: readonly Plain[];
  readonly channels: readonly Plain[];
  readonly featureFlags: readonly Plain[];
  /** Deprecated features in use. */
  readonly usedFeatures: readonly Plain[];
}

/** Returns the findings: errors first, then by kind of object. */
export function auditFindings(broker: AuditedBroker, target: Target): AuditFinding[] {
  const own = [
    ...versionFindings(broker, target),
    ...droppingFindings(broker),
    ...bindingFindings(broker, target),
    ...policyFindings(broker),
    ...channelFindings(broker.channels),
    ...connectionFindings(broker.connections, target),
    ...featureFlagFindings(broker, target),
  ];
  // A feature is reported only if no object that uses it was found.
  const all = [...own, ...usedFeatureFindings(broker.usedFeatures, { target, found: own })];
  return all.toSorted((one, other) => Number(one.severity === 'warning') - Number(other.severity === 'warning'));
}

function versionFindings(broker: AuditedBroker, target: Target): AuditFinding[] {
  const { queues, exchanges, policies, operatorPolicies } = broker;
  const lists = { queues, exchanges, policies: [...policies, ...operatorPolicies] };
  return refusedItems(lists, target).map(({ rule, list, index, isRefused, message, instead }) => {
    const item = lists[list][index] ?? {};
    return {
      code: rule,
      severity: isRefused ? 'error' : 'warning',
      kind: kindOf(list, index >= policies.length),
      name: stringOf(item['name']) ?? '',
      vhost: stringOf(item['vhost']) ?? '',
      message,
      ...(instead !== undefined && { instead: celeryAdvice(item) ?? instead }),
    };
  });
}

function kindOf(list: 'queues' | 'exchanges' | 'policies', isOperator: boolean): AuditedKind {
  if (list === 'queues') return 'queue';
  if (list === 'exchanges') return 'exchange';
  return isOperator ? 'operator policy' : 'policy';
}

/** celery/celery#10290: Celery declares its queues for control and events transient and not exclusive. */
function celeryAdvice({ name, durable }: Plain): string | undefined {
  if (durable !== false || !/\.celery\.pidbox$|^celeryev\./.test(stringOf(name) ?? '')) return undefined;
  return 'in Celery, control_queue_exclusive = True and event_queue_exclusive = True';
}
