// The arguments of queue.declare: what they may be, and what they mean.

import type { Arguments } from './codec/arguments.ts';
import { type FieldValue, typeNames } from './codec/table.ts';
import { ProtocolError } from './protocol-error.ts';

export interface QueueSettings {
  readonly type: 'classic' | 'quorum';
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

/** Gives what is wrong, as RabbitMQ prints it, or nothing. */
type Check = (value: FieldValue, type: string, all: Arguments) => string | undefined;

const highestPriority = 255;
/** RabbitMQ 4: a quorum queue without a limit of its own gives a message up after so many failures. */
const defaultDeliveryLimit = 20;

/** RabbitMQ 4.3: quorum queues have these by themselves. */
const quorumPriorities = { max: 31, default: 4 };

const integerTypes = 'bBsuIilL';

const integer: Check = (_, type) =>
  integerTypes.includes(type) ? undefined : `"expected integer, got ${typeNames[type]}"`;
const notNegative: Check = (value, type, all) =>
  integer(value, type, all) ?? (Number(value) < 0 ? `{value_negative,${value}}` : undefined);
/** RabbitMQ: ten years. */
export const longestMs = 315_360_000_000;
const duration: Check = (value, type, all) =>
  notNegative(value, type, all) ?? (Number(value) > longestMs ? `{value_too_large,${value}}` : undefined);
const text: Check = (_, type) => (type === 'S' ? undefined : `{unacceptable_type,${typeNames[type]}}`);
const flag: Check = (_, type) => (type === 't' ? undefined : `{unacceptable_type,${typeNames[type]}}`);

const checks: Readonly<Record<string, Check>> = {
  'x-expires': (value, type, all) =>
    integer(value, type, all) ?? (Number(value) === 0 ? '{value_zero,0}' : duration(value, type, all)),
  'x-message-ttl': duration,
  'x-dead-letter-exchange': text,
  'x-dead-letter-routing-key': (value, type, all) =>
    text(value, type, all) ??
    (all.get('x-dead-letter-exchange') === undefined ? 'routing_key_but_no_dlx_defined' : undefined) ??
    // It becomes a routing key, which is a short string.
    (Buffer.byteLength(String(value)) > 255 ? 'value_too_long' : undefined),
  'x-dead-letter-strategy': (value, type, all) =>
    text(value, type, all) ??
    (['at-most-once', 'at-least-once'].includes(String(value)) ? undefined : 'invalid_dlx_strategy'),
  'x-quorum-initial-group-size': (value, type, all) =>
    integer(value, type, all) ?? (Number(value) === 0 ? '{value_zero,0}' : notNegative(value, type, all)),
  'x-queue-leader-locator': (value, type, all) =>
    text(value, type, all) ??
    (['client-local', 'balanced', 'random', 'least-leaders'].includes(String(value))
      ? undefined
      : 'invalid_queue_locator_arg'),
  'x-max-length': notNegative,
  'x-max-length-bytes': notNegative,
  'x-max-priority': (value, type, all) =>
    notNegative(value, type, all) ?? (Number(value) > highestPriority ? `{max_value_exceeded,${value}}` : undefined),
  'x-overflow': (value, type, all) =>
    text(value, type, all) ??
    (['drop-head', 'reject-publish', 'reject-publish-dlx'].includes(String(value)) ? undefined : 'invalid_overflow'),
  'x-single-active-consumer': flag,
  // RabbitMQ 4.3 has it on quorum queues only; clients still ask for it on classic ones, and it does nothing here.
  'x-consumer-timeout': notNegative,
  'x-queue-version': (value, type, all) =>
    notNegative(value, type, all) ??
    ([1, 2].includes(Number(value)) ? undefined : `"unsupported queue version '${value}'"`),
};

/** Arguments that only the other type of queue has. */
const foreign: Readonly<Record<QueueSettings['type'], readonly string[]>> = {
  classic: [
    'x-delivery-limit',
    'x-max-in-memory-length',
    'x-max-in-memory-bytes',
    'x-dead-letter-strategy',
    'x-quorum-initial-group-size',
    'x-quorum-target-group-size',
    'x-max-age',
    'x-stream-max-segment-size-bytes',
    'x-stream-filter-size-bytes',
    'x-initial-cluster-size',
  ],
  quorum: [
    'x-max-priority',
    'x-queue-mode',
    'x-queue-version',
    'x-max-age',
    'x-stream-max-segment-size-bytes',
    'x-stream-filter-size-bytes',
  ],
};

/** Throws 406 for the first argument that is wrong. `what` names the queue in the text. */
export function queueSettings(all: Arguments, what: string): QueueSettings {
  const type = queueType(all, what);
  for (const [name, check] of Object.entries(checks)) {
    const value = all.get(name);
    if (value === undefined || foreign[type].includes(name)) continue;
    const problem = check(value, all.types[name] ?? '', all);
    if (problem === undefined) continue;
    // RabbitMQ has a text of its own for this one.
    if (name !== 'x-dead-letter-exchange') throw invalid(name, what, problem);
    throw new ProtocolError('PRECONDITION_FAILED', `invalid type '${all.typeName(name)}' for arg '${name}' in ${what}`);
  }
  for (const name of Object.keys(all.values)) {
    if (!foreign[type].includes(name)) continue;
    throw new ProtocolError(
      'PRECONDITION_FAILED',
      `invalid arg '${name}' for ${what} of queue type rabbit_${type}_queue`,
    );
  }
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

function queueType(all: Arguments, what: string): QueueSettings['type'] {
  const type = all.get('x-queue-type');
  if (type === undefined || type === '' || type === 'undefined') return 'classic';
  const problem = text(type, all.types['x-queue-type'] ?? '', all);
  if (problem !== undefined) throw invalid('x-queue-type', what, problem);
  if (type !== 'classic' && type !== 'quorum') {
    throw invalid('x-queue-type', what, `"unsupported queue type '${String(type)}'"`);
  }
  return type;
}

function invalid(name: string, what: string, problem: string): ProtocolError {
  return new ProtocolError('PRECONDITION_FAILED', `invalid arg '${name}' for ${what}: ${problem}`);
}

/** Arguments that have a meaning for a queue. */
export const queueArgumentNames: readonly string[] = [...Object.keys(checks), 'x-queue-type'];
