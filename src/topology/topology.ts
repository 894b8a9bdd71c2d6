// Defines the topology of one vhost as a broker has it: exchanges, queues, bindings and policies.

import type { Plain } from '../config/plain.ts';

export interface Topology {
  readonly exchanges: readonly TopologyExchange[];
  readonly queues: readonly TopologyQueue[];
  /** Without the bindings of the default exchange, which every queue has. */
  readonly bindings: readonly TopologyBinding[];
  readonly policies: readonly TopologyPolicy[];
  /** Absent if they were not read, because that needs another request. */
  readonly operatorPolicies?: readonly TopologyPolicy[];
  /** Type of a queue that is declared without one. `undefined` if it is not known; RabbitMQ's default is classic. */
  readonly defaultQueueType?: string;
  /** `true` if internal exchanges may exist that `exchanges` does not contain. */
  readonly lacksInternal?: boolean;
}

export interface TopologyExchange {
  readonly name: string;
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Plain;
  /** Name of the policy that applies. */
  readonly policy?: string;
}

export interface TopologyQueue {
  readonly name: string;
  /** `x-queue-type`. `undefined` means the default queue type of the vhost. */
  readonly type: string | undefined;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly exclusive: boolean;
  /** Without `x-queue-type`. */
  readonly arguments: Plain;
  /** Name of the policy that applies. */
  readonly policy?: string;
  /** The merged settings of the policy and the operator policy, if the broker reports them. */
  readonly policySettings?: Plain;
  /** `running`, or another word if the queue is not available. */
  readonly state?: string;
  /** Each is absent if the broker does not report it. */
  readonly counts?: QueueCounts;
}

/** RabbitMQ: states in which a queue can be neither read nor declared. */
export const unavailableStates: readonly string[] = ['down', 'stopped', 'crashed', 'minority', 'terminated'];

export interface QueueCounts {
  /** All messages. RabbitMQ: also dead letters that wait for their target, and messages that wait for a delayed retry. */
  readonly messages?: number;
  readonly unacknowledged?: number;
  readonly consumers?: number;
  /** Messages per second that arrive, and that consumers get. */
  readonly publishRate?: number;
  readonly deliverRate?: number;
}

export interface TopologyBinding {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly key: string;
  readonly arguments: Plain;
}

export interface TopologyPolicy {
  readonly name: string;
  readonly pattern: string;
  /** `all`, `queues`, `exchanges`, … */
  readonly applyTo: string;
  readonly priority: number;
  readonly definition: Plain;
}

/** Returns a key that two equal bindings share. AMQP 0-9-1, 1.7.2.3: the arguments are part of a binding's identity. */
export function bindingId({ source, destination, destinationType, key, arguments: all }: TopologyBinding): string {
  return JSON.stringify([source, destinationType, destination, key, canonical(all)]);
}

/** Reports whether two arguments are equal. Numbers are compared by value, tables without the order of their fields. */
export function isSameValue(one: unknown, other: unknown): boolean {
  return JSON.stringify(canonical(one)) === JSON.stringify(canonical(other));
}

/** Returns the value with the fields of all its tables in alphabetical order. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return fields.toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([name, field]) => [name, canonical(field)]);
}
