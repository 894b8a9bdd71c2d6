// What the arguments of queue.declare mean.

import type { Arguments } from '../codec/arguments.ts';
import { type QueueType, queueType } from './arguments.ts';
import type { AppliedPolicy } from './policies.ts';

export interface QueueSettings {
  readonly type: QueueType;
  readonly expiresMs: number | undefined;
  readonly messageTtlMs: number | undefined;
  readonly maxLength: number | undefined;
  readonly maxLengthBytes: number | undefined;
  readonly overflow: 'drop-head' | 'reject-publish' | 'reject-publish-dlx';
  readonly maxPriority: number;
  /** Of a message that names none. */
  readonly defaultPriority: number;
  readonly deadLetterExchange: string | undefined;
  readonly deadLetterRoutingKey: string | undefined;
  /** False: a dead letter that no queue takes is dropped. */
  readonly isDeadLetteredAtLeastOnce: boolean;
  readonly isSingleActive: boolean;
  readonly deliveryLimit: number | undefined;
}

/** What a queue is made of. */
export interface QueueParts {
  readonly name: string;
  readonly vhost: string;
  readonly isDurable: boolean;
  readonly isAutoDelete: boolean;
  /** The connection that it belongs to. */
  readonly owner: object | undefined;
  readonly arguments: Arguments;
  readonly settings: QueueSettings;
  readonly policy: AppliedPolicy;
}

/** RabbitMQ 4: a quorum queue without a limit of its own gives a message up after so many failures. */
const defaultDeliveryLimit = 20;

/** RabbitMQ 4.3: quorum queues have these by themselves. */
const quorumPriorities = { max: 31, default: 4 };

/** Of a policy, without the `x-` that arguments have. */
type PolicySettings = Readonly<Record<string, string | number | boolean>>;

/**
 * Returns what the arguments of a queue and its policy mean together. Throws 406 for an unknown type; `assertArguments` checks the
 * other values.
 */
export function queueSettings(all: Arguments, what: string, policy: PolicySettings = {}): QueueSettings {
  const type = queueType(all, what);
  const number = (name: string) => (all.get(name) === undefined ? undefined : Number(all.get(name)));
  const string = (name: string) => (all.get(name) === undefined ? undefined : String(all.get(name)));
  /** RabbitMQ: the smaller number of argument and policy. */
  const least = (name: string) => {
    const values = [all.get(`x-${name}`), policy[name]].filter((value) => value !== undefined).map(Number);
    return values.length === 0 ? undefined : Math.min(...values);
  };
  const argumentFirst = (name: string) => string(`x-${name}`) ?? policy[name]?.toString();
  const asked = policy['overflow'] ?? string('x-overflow') ?? 'drop-head';
  // RabbitMQ: a quorum queue takes reject-publish-dlx for drop-head.
  const overflow = type === 'quorum' && asked === 'reject-publish-dlx' ? 'drop-head' : asked;
  const deadLetterExchange = argumentFirst('dead-letter-exchange');
  return {
    type,
    expiresMs: least('expires'),
    messageTtlMs: least('message-ttl'),
    maxLength: least('max-length'),
    maxLengthBytes: least('max-length-bytes'),
    overflow: overflow as QueueSettings['overflow'],
    maxPriority: type === 'quorum' ? quorumPriorities.max : (number('x-max-priority') ?? 0),
    defaultPriority: type === 'quorum' ? quorumPriorities.default : 0,
    deadLetterExchange,
    deadLetterRoutingKey: argumentFirst('dead-letter-routing-key'),
    // RabbitMQ: with another overflow the strategy is at-most-once, whatever was asked for.
    isDeadLetteredAtLeastOnce:
      type === 'quorum' &&
      argumentFirst('dead-letter-strategy') === 'at-least-once' &&
      overflow === 'reject-publish' &&
      deadLetterExchange !== undefined,
    isSingleActive: all.get('x-single-active-consumer') === true,
    deliveryLimit: type === 'quorum' ? deliveryLimit(all.get('x-delivery-limit'), policy['delivery-limit']) : undefined,
  };
}

/** RabbitMQ: a negative limit means no limit, and counts before one that is not negative. What is not a number is ignored. */
function deliveryLimit(argument: unknown, policy: unknown): number | undefined {
  const limits = [argument, policy].filter((limit) => typeof limit === 'number');
  if (limits.some((limit) => limit < 0)) return undefined;
  return limits.length === 0 ? defaultDeliveryLimit : Math.min(...limits);
}
