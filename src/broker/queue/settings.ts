// The settings of a queue, from its arguments and its policy.

import type { Arguments } from '../codec/arguments.ts';
import { ageMs, type QueueType, queueType } from './arguments.ts';
import type { AppliedPolicy } from './policies.ts';

export interface QueueSettings {
  readonly type: QueueType;
  readonly expiresMs: number | undefined;
  readonly messageTtlMs: number | undefined;
  readonly maxLength: number | undefined;
  readonly maxLengthBytes: number | undefined;
  readonly overflow: 'drop-head' | 'reject-publish' | 'reject-publish-dlx';
  readonly maxPriority: number;
  /** The priority of messages that have no priority. */
  readonly defaultPriority: number;
  readonly deadLetterExchange: string | undefined;
  readonly deadLetterRoutingKey: string | undefined;
  /** If false, a dead letter that no queue accepts is dropped. */
  readonly isDeadLetteredAtLeastOnce: boolean;
  readonly isSingleActive: boolean;
  readonly deliveryLimit: number | undefined;
  /** `undefined` if a returned message is ready at once. */
  readonly delayedRetry: DelayedRetry | undefined;
  /** The age at which a stream deletes a message. */
  readonly maxAgeMs: number | undefined;
  readonly maxSegmentBytes: number | undefined;
}

/** The pause of messages that return to a quorum queue (RabbitMQ 4.3). */
export interface DelayedRetry {
  /** The pause after the first failure. After n failures it is n times as long. */
  readonly minMs: number;
  readonly maxMs: number;
  /** True if a message pauses after basic.reject and the loss of a channel. */
  readonly isForFailed: boolean;
  /** True if a message pauses after basic.nack. */
  readonly isForReturned: boolean;
}

/** The connection that declared an exclusive queue. */
export interface QueueOwner {
  /** Called when the queue is deleted. */
  forgetQueue(queue: { readonly name: string }): void;
}

export interface QueueParts {
  readonly name: string;
  readonly vhost: string;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  /** `undefined` if the queue is not exclusive. */
  readonly owner: QueueOwner | undefined;
  readonly arguments: Arguments;
  readonly settings: QueueSettings;
  readonly policy: AppliedPolicy;
}

/** RabbitMQ 4: the delivery limit of a quorum queue that does not set one. */
const defaultDeliveryLimit = 20;

/** RabbitMQ 4.3: the priorities of every quorum queue. */
const quorumPriorities = { max: 31, default: 4 };

/** The settings of a policy. Each has the name of a queue argument without `x-`. */
type PolicySettings = Readonly<Record<string, string | number | boolean>>;

/**
 * Returns the settings that follow from the arguments of a queue and its policy. Throws 406 for an unknown type.
 * `assertPossible` checks the other values.
 */
export function queueSettings(all: Arguments, what: string, policy: PolicySettings = {}): QueueSettings {
  const type = queueType(all, what);
  const number = (name: string) => (all.get(name) === undefined ? undefined : Number(all.get(name)));
  const string = (name: string) => (all.get(name) === undefined ? undefined : String(all.get(name)));
  // RabbitMQ: the smaller value of argument and policy applies.
  const least = (name: string) => {
    const values = [all.get(`x-${name}`), policy[name]].filter((value) => value !== undefined).map(Number);
    return values.length === 0 ? undefined : Math.min(...values);
  };
  const argumentFirst = (name: string) => string(`x-${name}`) ?? policy[name]?.toString();
  const overflow = overflowOf(policy['overflow'] ?? string('x-overflow'), type);
  const deadLetterExchange = argumentFirst('dead-letter-exchange');
  const isStream = type === 'stream';
  // RabbitMQ: for streams, the policy applies and not the argument.
  const policyFirst = (name: string) => policy[name] ?? all.get(`x-${name}`);
  const segmentBytes = policyFirst('stream-max-segment-size-bytes');
  return {
    type,
    expiresMs: least('expires'),
    messageTtlMs: least('message-ttl'),
    maxLength: least('max-length'),
    maxLengthBytes: isStream ? numberOf(policyFirst('max-length-bytes')) : least('max-length-bytes'),
    overflow,
    maxPriority: type === 'quorum' ? quorumPriorities.max : (number('x-max-priority') ?? 0),
    defaultPriority: type === 'quorum' ? quorumPriorities.default : 0,
    deadLetterExchange,
    deadLetterRoutingKey: argumentFirst('dead-letter-routing-key'),
    // RabbitMQ: with any other overflow, the strategy is at-most-once.
    isDeadLetteredAtLeastOnce:
      type === 'quorum' &&
      argumentFirst('dead-letter-strategy') === 'at-least-once' &&
      overflow === 'reject-publish' &&
      deadLetterExchange !== undefined,
    isSingleActive: all.get('x-single-active-consumer') === true,
    deliveryLimit: type === 'quorum' ? deliveryLimit(all.get('x-delivery-limit'), policy['delivery-limit']) : undefined,
    delayedRetry: type === 'quorum' ? delayedRetry(all) : undefined,
    maxAgeMs: isStream ? ageMs(String(policyFirst('max-age') ?? '')) : undefined,
    maxSegmentBytes: numberOf(segmentBytes),
  };
}

function delayedRetry(all: Arguments): DelayedRetry | undefined {
  const kind = all.get('x-delayed-retry-type');
  const [minMs, maxMs] = [all.get('x-delayed-retry-min'), all.get('x-delayed-retry-max')];
  if (typeof minMs !== 'number' || minMs <= 0 || !['all', 'failed', 'returned'].includes(String(kind)))
    return undefined;
  const isFor = (one: string) => kind === 'all' || kind === one;
  const most = typeof maxMs === 'number' ? maxMs : Infinity;
  return { minMs, maxMs: most, isForFailed: isFor('failed'), isForReturned: isFor('returned') };
}

function overflowOf(value: unknown, type: QueueType): QueueSettings['overflow'] {
  if (value === 'reject-publish') return value;
  // RabbitMQ: a quorum queue treats reject-publish-dlx as drop-head.
  return value === 'reject-publish-dlx' && type === 'classic' ? value : 'drop-head';
}

/**
 * Returns the smaller of both limits. RabbitMQ: if one of them is negative, there is no limit. A value that is not a number
 * is ignored.
 */
function deliveryLimit(argument: unknown, policy: unknown): number | undefined {
  const limits = [argument, policy].filter((limit) => typeof limit === 'number');
  if (limits.some((limit) => limit < 0)) return undefined;
  return limits.length === 0 ? defaultDeliveryLimit : Math.min(...limits);
}

function numberOf(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value);
}
