// From what amqplib delivers to the Message a handler sees, and to the JSON that `--json` prints.

import type { Message, MessageProperties } from '../handlers/handler.ts';
import { type RawMessage, receivedForm } from '../session/wire.ts';

/** Headers that mq puts on a message it sends to a wait queue or a dead-letter queue. */
export const headerNames = {
  /** The number of the attempt that the message is for. */
  attempt: 'x-mq-attempt',
  exchange: 'x-mq-exchange',
  routingKey: 'x-mq-routing-key',
  queue: 'x-mq-queue',
  reason: 'x-mq-reason',
  /** When it first and last failed (ISO 8601). */
  first: 'x-mq-first-failed',
  last: 'x-mq-last-failed',
  /** So many attempts in a row ended with their worker or connection, without an outcome. */
  unfinished: 'x-mq-unfinished',
  /** The message is for the dead letters, which did not accept it when it was sent there. */
  pending: 'x-mq-pending',
  /** mq published the message to its queue again, without a wait queue in between. */
  renewed: 'x-mq-renewed',
  /** mq has published a dead letter again that came by an exchange: a publisher may have written its headers. */
  unproven: 'x-mq-unproven',
  /** On a reply: the request was refused, and why. */
  error: 'x-mq-error',
} as const;

/** `queue`: the one it was consumed from, as the broker knows it. `forged`: names of headers that are left out. */
export function messageOf(raw: RawMessage, queue: string, forged: readonly string[] = []): Message {
  const { exchange, routingKey, redelivered } = raw.fields;
  const headers = believed(raw, queue);
  for (const name of forged) delete headers[name];
  const original = cameBack(raw, queue);
  return {
    body: raw.content,
    fields: {
      exchange: original?.exchange ?? exchange,
      routingKey: original?.routingKey ?? routingKey,
      redelivered,
      queue,
    },
    properties: propertiesOf(raw),
    headers,
    attempt: attemptOf(headers, queue),
    ...(raw.properties.unreadable !== undefined && { unreadable: raw.properties.unreadable }),
  };
}

/** The text of valid UTF-8, else undefined. */
export function utf8(body: Buffer): string | undefined {
  try {
    return decoder.decode(body);
  } catch {
    return undefined;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const propertyNames = [
  'contentType',
  'contentEncoding',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
  'clusterId',
] as const;

function propertiesOf({ properties }: RawMessage): MessageProperties {
  const known: Record<string, unknown> = { ...receivedForm(properties) };
  for (const name of propertyNames) if (properties[name] !== undefined) known[name] = properties[name];
  return known;
}

type Headers = Readonly<Record<string, unknown>>;

/** True if mq wrote its headers for this queue: the attempts of another queue do not count here. */
export function isOfQueue(headers: Headers, queue: string): boolean {
  return headers[headerNames.queue] === queue;
}

/** Attempts that mq counted, and those that the broker counted (quorum queues: returned by a crash or a reject). */
function attemptOf(headers: Headers, queue: string): number {
  const counted = isOfQueue(headers, queue) ? count(headers[headerNames.attempt]) : 0;
  return Math.max(1, counted) + count(headers['x-delivery-count']);
}

/** How many attempts in a row ended without an outcome, as far as headers say so. */
export function endsOf(headers: Headers, queue: string): number {
  const mark = headers[headerNames.unfinished];
  const counted = isOfQueue(headers, queue) ? Number(mark === true) + count(mark) : 0;
  return counted + count(headers['x-delivery-count']);
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? Math.min(value, 1_000_000) : 0;
}

const ofRetries: readonly string[] = Object.values(headerNames).filter((name) => name !== headerNames.error);

/**
 * Returns the headers, without a prototype. Those of mq that say something of this queue are left out if the message did
 * not come by the queue's name: mq and its wait queues send by the name, so a publisher has written them.
 */
function believed({ fields, properties }: RawMessage, queue: string): Record<string, unknown> {
  const headers = Object.assign(Object.create(null) as Record<string, unknown>, properties.headers);
  const isByName = fields.exchange === '' && fields.routingKey === queue;
  const isOfAnother = typeof headers[headerNames.queue] === 'string' && headers[headerNames.queue] !== queue;
  if (isByName || isOfAnother) return headers;
  for (const name of ofRetries) delete headers[name];
  return headers;
}

/** Returns where a message came from at first, if it comes from a wait queue of this queue, or from mq itself. */
function cameBack(
  { fields, properties: { headers = {} } }: RawMessage,
  queue: string,
): { exchange: string; routingKey: string } | undefined {
  const [exchange, routingKey] = [headers[headerNames.exchange], headers[headerNames.routingKey]];
  if (typeof exchange !== 'string' || typeof routingKey !== 'string') return undefined;
  // A wait queue expires into the work queue by its name (retry-queues.ts).
  const isByName = fields.exchange === '' && fields.routingKey === queue;
  const isRenewed = isOfQueue(headers, queue) && headers[headerNames.renewed] === true;
  return isByName && (isRenewed || hasWaited(headers, queue)) ? { exchange, routingKey } : undefined;
}

/** RabbitMQ: the newest death stands first in x-death. */
function hasWaited(headers: Readonly<Record<string, unknown>>, queue: string): boolean {
  const deaths = headers['x-death'];
  const newest: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  const { queue: name, reason } = (newest ?? {}) as { queue?: unknown; reason?: unknown };
  return typeof name === 'string' && name.startsWith(`${queue}.retry.`) && reason === 'expired';
}
