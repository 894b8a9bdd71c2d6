// What the arguments of queue.declare mean.

import type { Arguments } from './codec/arguments.ts';
import { type QueueType, queueType } from './queue-arguments.ts';

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

/** RabbitMQ 4: a quorum queue without a limit of its own gives a message up after so many failures. */
const defaultDeliveryLimit = 20;

/** RabbitMQ 4.3: quorum queues have these by themselves. */
const quorumPriorities = { max: 31, default: 4 };

/** Returns what the arguments of a queue mean. Throws 406 for an unknown type; `assertArguments` checks the other values. */
export function queueSettings(all: Arguments, what: string): QueueSettings {
  const type = queueType(all, what);
  const number = (name: string) => (all.get(name) === undefined ? undefined : Number(all.get(name)));
  const string = (name: string) => (all.get(name) === undefined ? undefined : String(all.get(name)));
  const given = all.get('x-delivery-limit');
  // RabbitMQ takes what is no number for none.
  const limit = typeof given === 'number' ? given : defaultDeliveryLimit;
  return {
    type,
    expiresMs: number('x-expires'),
    messageTtlMs: number('x-message-ttl'),
    maxLength: number('x-max-length'),
    maxLengthBytes: number('x-max-length-bytes'),
    overflow: (string('x-overflow') ?? 'drop-head') as QueueSettings['overflow'],
    maxPriority: type === 'quorum' ? quorumPriorities.max : (number('x-max-priority') ?? 0),
    defaultPriority: type === 'quorum' ? quorumPriorities.default : 0,
    deadLetterExchange: string('x-dead-letter-exchange'),
    deadLetterRoutingKey: string('x-dead-letter-routing-key'),
    // RabbitMQ: with another overflow the strategy is at-most-once, whatever was asked for.
    isDeadLetteredAtLeastOnce:
      type === 'quorum' &&
      string('x-dead-letter-strategy') === 'at-least-once' &&
      string('x-overflow') === 'reject-publish' &&
      string('x-dead-letter-exchange') !== undefined,
    isSingleActive: all.get('x-single-active-consumer') === true,
    // RabbitMQ: a negative limit is none.
    deliveryLimit: type === 'quorum' && limit >= 0 ? limit : undefined,
  };
}
