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
  /** An attempt ended with its worker or connection: no handler said how. */
  unfinished: 'x-mq-unfinished',
  /** On a reply: the request was refused, and why. */
  error: 'x-mq-error',
} as const;

/** `queue`: the one it was consumed from, as the broker knows it. */
export function messageOf(raw: RawMessage, queue: string): Message {
  const headers = Object.assign(Object.create(null) as Record<string, unknown>, raw.properties.headers);
  const { exchange, routingKey, redelivered } = raw.fields;
  const original = cameBack(headers, queue);
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
    attempt: attemptOf(headers),
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

/** Attempts that mq counted, and those that the broker counted (quorum queues: returned by a crash or a reject). */
function attemptOf(headers: Readonly<Record<string, unknown>>): number {
  return Math.max(1, count(headers[headerNames.attempt])) + count(headers['x-delivery-count']);
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? Math.min(value, 1_000_000) : 0;
}

/** Where a message first came from, if the broker itself says (x-death) that it was in a wait queue of this queue. */
function cameBack(
  headers: Readonly<Record<string, unknown>>,
  queue: string,
): { exchange: string; routingKey: string } | undefined {
  const deaths = headers['x-death'];
  const [exchange, routingKey] = [headers[headerNames.exchange], headers[headerNames.routingKey]];
  if (!Array.isArray(deaths) || typeof exchange !== 'string' || typeof routingKey !== 'string') return undefined;
  const waited = deaths.some((death: unknown) => {
    const name = (death as { queue?: unknown } | null)?.queue;
    return typeof name === 'string' && name.startsWith(`${queue}.retry.`);
  });
  return waited ? { exchange, routingKey } : undefined;
}
