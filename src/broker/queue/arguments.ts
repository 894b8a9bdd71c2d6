// Checks the arguments of queue.declare, with RabbitMQ's texts.

import type { Arguments } from '../codec/arguments.ts';
import { type FieldValue, typeNames } from '../codec/table.ts';
import { ProtocolError } from '../protocol-error.ts';

export type QueueType = 'classic' | 'quorum' | 'stream';

/** Returns RabbitMQ's text for an invalid value, or `undefined` if the value is valid. */
type Check = (value: FieldValue, type: string, all: Arguments) => string | undefined;

const highestPriority = 255;
/** RabbitMQ: ten years. */
export const longestMs = 315_360_000_000;

const integerTypes = 'bBsuIilL';

const anything: Check = () => undefined;
const integer: Check = (_, type) =>
  integerTypes.includes(type) ? undefined : `"expected integer, got ${typeNames[type]}"`;
const notNegative: Check = (value, type, all) =>
  integer(value, type, all) ?? (Number(value) < 0 ? `{value_negative,${value}}` : undefined);
const notZero: Check = (value, type, all) =>
  integer(value, type, all) ?? (Number(value) === 0 ? '{value_zero,0}' : notNegative(value, type, all));
const duration: Check = (value, type, all) =>
  notNegative(value, type, all) ?? (Number(value) > longestMs ? `{value_too_large,${value}}` : undefined);
const text: Check = (_, type) => (type === 'S' ? undefined : `{unacceptable_type,${typeNames[type]}}`);
const flag: Check = (_, type) => (type === 't' ? undefined : `{unacceptable_type,${typeNames[type]}}`);
const oneOf =
  (words: readonly string[], problem: string): Check =>
  (value, type, all) =>
    text(value, type, all) ?? (words.includes(String(value)) ? undefined : problem);

interface ArgumentRule {
  /** The types of queue that accept the argument. */
  readonly types: readonly QueueType[];
  readonly check: Check;
}

const both = (check: Check): ArgumentRule => ({ types: ['classic', 'quorum'], check });
const classic = (check: Check): ArgumentRule => ({ types: ['classic'], check });
const quorum = (check: Check): ArgumentRule => ({ types: ['quorum'], check });
const stream = (check: Check): ArgumentRule => ({ types: ['stream'], check });
const every = (check: Check): ArgumentRule => ({ types: ['classic', 'quorum', 'stream'], check });

/** The arguments of RabbitMQ 4.3. Any other argument is accepted with any value. */
const rules: Readonly<Record<string, ArgumentRule>> = {
  'x-expires': both((value, type, all) => notZero(value, type, all) ?? duration(value, type, all)),
  'x-message-ttl': both(duration),
  'x-dead-letter-exchange': both(text),
  'x-dead-letter-routing-key': both(
    (value, type, all) =>
      text(value, type, all) ??
      (all.get('x-dead-letter-exchange') === undefined ? 'routing_key_but_no_dlx_defined' : undefined) ??
      // The value becomes a routing key, which is a short string.
      (Buffer.byteLength(String(value)) > 255 ? 'value_too_long' : undefined),
  ),
  'x-dead-letter-strategy': quorum(oneOf(['at-most-once', 'at-least-once'], 'invalid_dlx_strategy')),
  'x-max-length': both(notNegative),
  'x-max-length-bytes': every(notNegative),
  'x-max-in-memory-length': quorum(notNegative),
  'x-max-in-memory-bytes': quorum(notNegative),
  'x-max-priority': classic(
    (value, type, all) =>
      notNegative(value, type, all) ?? (Number(value) > highestPriority ? `{max_value_exceeded,${value}}` : undefined),
  ),
  'x-overflow': both(oneOf(['drop-head', 'reject-publish', 'reject-publish-dlx'], 'invalid_overflow')),
  'x-queue-mode': classic(anything),
  'x-queue-version': classic(
    (value, type, all) =>
      notNegative(value, type, all) ?? (Number(value) === 2 ? undefined : `"unsupported queue version '${value}'"`),
  ),
  'x-single-active-consumer': both(flag),
  // RabbitMQ 4.3 refuses this argument on a classic queue. mq ignores it as RabbitMQ 4.0 does, because clients still send it.
  'x-consumer-timeout': quorum(notNegative),
  'x-consumer-disconnected-timeout': quorum(notNegative),
  'x-delayed-retry-type': quorum(anything),
  'x-delayed-retry-min': quorum(anything),
  'x-delayed-retry-max': quorum(anything),
  'x-quorum-initial-group-size': quorum(notZero),
  'x-delivery-limit': quorum(anything),
  // Deprecated. RabbitMQ 4.3 closes the connection (541) by default, and accepts the argument if it is configured to do so.
  'x-queue-master-locator': classic(anything),
  'x-queue-leader-locator': every(
    oneOf(['client-local', 'balanced', 'random', 'least-leaders'], 'invalid_queue_locator_arg'),
  ),
  'x-max-age': stream(
    (value, type, all) =>
      text(value, type, all) ?? (ageMs(String(value)) === undefined ? 'invalid_max_age' : undefined),
  ),
  'x-stream-max-segment-size-bytes': stream(notNegative),
  'x-stream-filter-size-bytes': stream(notNegative),
  'x-initial-cluster-size': stream(notZero),
};

/** RabbitMQ: the largest segment of a stream, in bytes. */
const largestSegment = 3_000_000_000;
/** RabbitMQ: the sizes of a Bloom filter, in bytes. */
const filterSizes = { least: 16, most: 255 };

const secondsOf: Readonly<Record<string, number>> = {
  Y: 31_536_000,
  M: 2_592_000,
  D: 86_400,
  h: 3600,
  m: 60,
  s: 1,
};

/**
 * Returns the milliseconds of an age such as `7D`, as x-max-age and x-stream-offset write it; `undefined` if it is invalid.
 * RabbitMQ: a year has 365 days and a month has 30.
 */
export function ageMs(age: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d+)([YMDhms])$/.exec(age) ?? [];
  const seconds = Number(digits) * (secondsOf[unit] ?? 0);
  return seconds === 0 ? undefined : seconds * 1000;
}

const ignoredOnClassic = ['x-consumer-timeout'];

/** Returns the arguments that must be equal in each declaration of a queue of this type. */
export function argumentNames(type: QueueType): readonly string[] {
  const accepted = Object.entries(rules).filter(([, { types }]) => types.includes(type));
  return [...accepted.map(([name]) => name), 'x-queue-type'];
}

interface NewQueue {
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Arguments;
}

/** Throws 406 for a queue that RabbitMQ refuses to create. `what` names the queue in the text. */
export function assertPossible(
  queue: NewQueue,
  { what, isServerNamed }: { what: string; isServerNamed: boolean },
): void {
  const type = queueType(queue.arguments, what);
  assertArguments(queue.arguments, type, what);
  if (type === 'classic') return;
  if (isServerNamed) {
    throw new ProtocolError('PRECONDITION_FAILED', `Cannot declare a server-named queue for type rabbit_${type}_queue`);
  }
  const properties = [
    ['exclusive-owner', queue.exclusive],
    ['non-durable', !queue.durable],
    ['auto-delete', queue.autoDelete],
  ] as const;
  // RabbitMQ checks the last property of a stream first.
  const [owner, durable, autoDelete] = properties;
  for (const [property, isWrong] of type === 'stream' ? [autoDelete, owner, durable] : properties) {
    if (isWrong) throw new ProtocolError('PRECONDITION_FAILED', `invalid property '${property}' for ${what}`);
  }
  if (type === 'stream') assertSizes(queue.arguments);
}

/** Throws 406 for sizes that RabbitMQ refuses with a text of its own. */
function assertSizes(all: Arguments): void {
  if (Number(all.get('x-stream-max-segment-size-bytes') ?? 0) > largestSegment) {
    throw new ProtocolError('PRECONDITION_FAILED', 'Exceeded max value for x-stream-max-segment-size-bytes');
  }
  const filter = Number(all.get('x-stream-filter-size-bytes') ?? filterSizes.least);
  if (filter >= filterSizes.least && filter <= filterSizes.most) return;
  throw new ProtocolError('PRECONDITION_FAILED', 'Invalid value for x-stream-filter-size-bytes');
}

/** Throws 406 for the first argument that RabbitMQ refuses for a queue of this type. */
function assertArguments(all: Arguments, type: QueueType, what: string): void {
  for (const [name, { types, check }] of Object.entries(rules)) {
    const value = all.get(name);
    if (value === undefined || !types.includes(type)) continue;
    const problem = check(value, all.types[name] ?? '', all);
    if (problem === undefined) continue;
    // RabbitMQ uses another text for this argument.
    if (name !== 'x-dead-letter-exchange') throw invalid(name, what, problem);
    throw new ProtocolError('PRECONDITION_FAILED', `invalid type '${all.typeName(name)}' for arg '${name}' in ${what}`);
  }
  for (const name of Object.keys(all.values)) {
    if (rules[name]?.types.includes(type) !== false || (type === 'classic' && ignoredOnClassic.includes(name)))
      continue;
    throw ofOtherType(name, what, type);
  }
}

const consumerArguments: Readonly<Record<string, readonly QueueType[]>> = {
  'x-priority': ['classic', 'quorum'],
  'x-stream-offset': ['stream'],
  'x-stream-filter': ['stream'],
  'x-stream-match-unfiltered': ['stream'],
};

/** Throws 406 for the first argument of a consumer that RabbitMQ refuses for this queue. */
export function assertConsumerArguments(
  all: Arguments,
  { what, settings: { type } }: { what: string; settings: { type: QueueType } },
): void {
  for (const [name, types] of Object.entries(consumerArguments)) {
    if (all.get(name) !== undefined && !types.includes(type)) throw ofOtherType(name, what, type);
  }
}

/** Returns the value of x-queue-type, which defaults to classic. Throws 406 for an unknown type. */
export function queueType(all: Arguments, what: string): QueueType {
  const type = all.get('x-queue-type');
  if (type === undefined || type === '' || type === 'undefined') return 'classic';
  const problem = text(type, all.types['x-queue-type'] ?? '', all);
  if (problem !== undefined) throw invalid('x-queue-type', what, problem);
  if (type !== 'classic' && type !== 'quorum' && type !== 'stream') {
    throw invalid('x-queue-type', what, `"unsupported queue type '${String(type)}'"`);
  }
  return type;
}

function invalid(name: string, what: string, problem: string): ProtocolError {
  return new ProtocolError('PRECONDITION_FAILED', `invalid arg '${name}' for ${what}: ${problem}`);
}

function ofOtherType(name: string, what: string, type: QueueType): ProtocolError {
  return new ProtocolError(
    'PRECONDITION_FAILED',
    `invalid arg '${name}' for ${what} of queue type rabbit_${type}_queue`,
  );
}
