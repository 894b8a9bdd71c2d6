// Converts a delivery of amqplib to the Message that handlers receive, and to the JSON that `--json` prints.

import { objectOf } from '../config/plain.ts';
import type { Message } from '../handlers/handler.ts';
import type { RawMessage } from '../session/wire.ts';

/** Headers that mq adds to a message that it sends to a wait queue or a dead-letter queue. */
export const headerNames = {
  /** Number of the attempt that the message is for. */
  attempt: 'x-mq-attempt',
  exchange: 'x-mq-exchange',
  routingKey: 'x-mq-routing-key',
  queue: 'x-mq-queue',
  reason: 'x-mq-reason',
  /** Times of the first and the last failure (ISO 8601). */
  first: 'x-mq-first-failed',
  last: 'x-mq-last-failed',
  /** Number of consecutive attempts that ended without an outcome. */
  unfinished: 'x-mq-unfinished',
  /**
   * Name of the classic queue that delivered the message again. The first such delivery does not count as an attempt,
   * because the message may never have reached a handler.
   */
  redelivered: 'x-mq-redelivered',
  /** Set if the message must be dead-lettered but its target did not accept it. */
  pending: 'x-mq-pending',
  /** Offset of a message that failed in a stream. */
  offset: 'x-mq-offset',
  /** Set if mq published the message directly to its queue again, without a wait queue. */
  renewed: 'x-mq-renewed',
  /**
   * Set if mq republished a dead letter whose headers are not trusted, because it did not arrive by the queue's name.
   */
  unproven: 'x-mq-unproven',
  /** On a reply: the reason why the request was refused. */
  error: 'x-mq-error',
} as const;

/** Converts a delivery. `queue` is the broker's name of the queue. `forged` names headers to remove. */
export function messageOf(raw: RawMessage, queue: string, forged: readonly string[] = []): Message {
  const { content: body, properties } = raw;
  const { exchange, routingKey, redelivered } = raw.fields;
  if (properties.headers === undefined && properties.unreadable === undefined) {
    const fields = { exchange, routingKey, redelivered, queue };
    return { body, fields, properties, headers: noHeaders, attempt: 1 };
  }
  const { headers: _, unreadable, ...others } = properties;
  const headers = trustedHeaders(raw, queue);
  for (const name of forged) delete headers[name];
  const original = originOf(raw, queue);
  return {
    body,
    fields: {
      exchange: original?.exchange ?? exchange,
      routingKey: original?.routingKey ?? routingKey,
      redelivered,
      queue,
    },
    properties: others,
    headers,
    attempt: attemptOf(headers, queue),
    ...(unreadable !== undefined && { unreadable }),
  };
}

const noHeaders: Headers = Object.freeze(Object.create(null));

/** Returns the text if the bytes are valid UTF-8, otherwise `undefined`. */
export function utf8(body: Buffer): string | undefined {
  try {
    return decoder.decode(body);
  } catch {
    return undefined;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

type Headers = Readonly<Record<string, unknown>>;

/** Reports whether mq's headers are about this queue. Attempts in another queue do not count. */
export function isOfQueue(headers: Headers, queue: string): boolean {
  return headers[headerNames.queue] === queue;
}

/** Returns the attempt number: attempts counted by mq plus those counted by the broker (quorum queues). */
function attemptOf(headers: Headers, queue: string): number {
  const counted = isOfQueue(headers, queue) ? count(headers[headerNames.attempt]) : 0;
  return Math.max(1, counted) + count(headers['x-delivery-count']);
}

/** Returns how many consecutive attempts ended without an outcome, according to the headers. */
export function unfinishedAttemptsOf(headers: Headers, queue: string): number {
  const mark = headers[headerNames.unfinished];
  const counted = isOfQueue(headers, queue) ? Number(mark === true) + count(mark) : 0;
  return counted + count(headers['x-delivery-count']);
}

/** Reports whether a worker has noticed before that this queue delivers the message again. */
export function isMarkedRedelivered(headers: Headers, queue: string): boolean {
  return isOfQueue(headers, queue) && headers[headerNames.redelivered] === queue;
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? Math.min(value, 1_000_000) : 0;
}

const ofRetries: readonly string[] = Object.values(headerNames).filter((name) => name !== headerNames.error);

/**
 * Returns the headers as an object without a prototype. mq and its wait queues always publish to the queue's name
 * through the default exchange. If the message arrived in another way, a publisher wrote the headers about this queue,
 * and they are removed.
 */
function trustedHeaders({ fields, properties }: RawMessage, queue: string): Record<string, unknown> {
  const headers: Record<string, unknown> = Object.assign(Object.create(null), properties.headers);
  const isByName = fields.exchange === '' && fields.routingKey === queue;
  const isOfAnother = typeof headers[headerNames.queue] === 'string' && headers[headerNames.queue] !== queue;
  if (isByName || isOfAnother) return headers;
  for (const name of ofRetries) delete headers[name];
  return headers;
}

/** Returns the first exchange and key of a message that arrived from a wait queue of this queue or from mq itself. */
function originOf(
  { fields, properties: { headers = {} } }: RawMessage,
  queue: string,
): { exchange: string; routingKey: string } | undefined {
  const [exchange, routingKey] = [headers[headerNames.exchange], headers[headerNames.routingKey]];
  if (typeof exchange !== 'string' || typeof routingKey !== 'string') return undefined;
  // A wait queue dead-letters to the work queue by its name (retry-queues.ts).
  const isByName = fields.exchange === '' && fields.routingKey === queue;
  const isRenewed = isOfQueue(headers, queue) && headers[headerNames.renewed] === true;
  return isByName && (isRenewed || hasWaited(headers, queue)) ? { exchange, routingKey } : undefined;
}

/** Checks whether the message was in a wait queue. RabbitMQ: the newest death is first in x-death. */
function hasWaited(headers: Readonly<Record<string, unknown>>, queue: string): boolean {
  const deaths = headers['x-death'];
  const newest: unknown = Array.isArray(deaths) ? deaths[0] : undefined;
  const { queue: name, reason } = objectOf(newest);
  return typeof name === 'string' && name.startsWith(`${queue}.retry.`) && reason === 'expired';
}
