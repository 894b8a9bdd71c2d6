// Defines a difference between rascal.json and a broker, and what removes it.

import type { TopologyBinding, TopologyExchange, TopologyPolicy, TopologyQueue } from './topology.ts';

export interface Comparison {
  /** Policies first, then exchanges, queues and bindings; each in the order of rascal.json. */
  readonly differences: readonly Difference[];
  /** Objects of the vhost that rascal.json does not define. mq does not change them. */
  readonly others: Others;
}

/**
 * `create`: it does not exist. `replace`: it must be deleted and declared again, because RabbitMQ cannot change it.
 * `update`: it exists and can be changed. `blocked`: mq may not create or replace it. `delete`: rascal.json owns it and
 * does not define it.
 */
type ChangeAction = 'create' | 'update' | 'replace' | 'blocked' | 'delete';

export type Difference = {
  readonly action: ChangeAction;
  /** `true` if the broker has an object of this name. */
  readonly exists: boolean;
  /** Differences of attributes. All attributes of an object that does not exist. Empty for a binding. */
  readonly attributes: readonly AttributeDifference[];
  readonly why: string;
  /** Set if an existing exchange or queue would be deleted. */
  readonly risk?: Risk;
  /** Reasons for which mq does not delete it, even with --prune. */
  readonly obstacles?: readonly string[];
  /** Set if a created or updated policy applies to queues that exist. */
  readonly policyRisk?: PolicyRisk;
  /** Policy with which a queue need not be replaced. */
  readonly policy?: TopologyPolicy;
} & ChangedObject;

export type ChangedObject =
  | { readonly kind: 'exchange' | 'policy' | 'operator-policy'; readonly name: string }
  | {
      readonly kind: 'queue';
      readonly name: string;
      /** Queue whose failed messages this queue receives, if mq declares it for them. */
      readonly for?: string;
    }
  | ({ readonly kind: 'binding' } & TopologyBinding);

export interface AttributeDifference {
  /**
   * `type`, `durable`, `autoDelete`, `internal`, `exclusive`, or the name of an argument; of a policy `pattern`,
   * `applyTo`, `priority`, or the name of a setting.
   */
  readonly attribute: string;
  /** `null` if rascal.json does not set it. */
  readonly wanted: unknown;
  /** `null` if the broker does not have it. */
  readonly found: unknown;
  /** `true` if RabbitMQ refuses the declaration because of it, `false` if it ignores the difference. */
  readonly isRefused: boolean;
}

/** Messages, consumers and bindings that a replacement or deletion affects. A count is absent if it is not known. */
export interface Risk {
  /** All messages, also unacknowledged ones and those that wait for a dead-letter target or a delayed retry. */
  readonly messages?: number;
  readonly unacknowledged?: number;
  readonly consumers?: number;
  /** Bindings that are deleted with it and that rascal.json does not define. */
  readonly otherBindings: readonly TopologyBinding[];
  /** Typical time in which the queue does not exist, if it is deleted and declared at once. */
  readonly typicalGapMs?: number;
}

/** Queues to which a policy applies after the change. Queues of others count as well. */
export interface PolicyRisk {
  readonly queues: number;
  /** Those that rascal.json does not define. */
  readonly otherQueues: number;
  /** Messages in the queues at the last count. */
  readonly messages: number;
  /** Settings of the policy with which RabbitMQ removes messages or queues. */
  readonly removing: readonly string[];
}

export interface Others {
  readonly exchanges: readonly TopologyExchange[];
  readonly queues: readonly TopologyQueue[];
  readonly bindings: readonly OtherBinding[];
  readonly policies: readonly TopologyPolicy[];
}

interface OtherBinding extends TopologyBinding {
  /** `true` if rascal.json defines both ends, so that the binding routes more messages than the file describes. */
  readonly isBetweenOwn: boolean;
}
