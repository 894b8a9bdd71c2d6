// Reads the reason, the times and the origin of a dead letter. They are in mq's own headers, or in x-death if the
// broker dead-lettered the message (RabbitMQ: the newest death is first). Any publisher can write these headers.

import { objectOf } from '../../config/plain.ts';
import type { RawMessage } from '../../session/wire.ts';
import { time } from '../../time.ts';
import { headerNames } from '../message.ts';

export interface DeadLetter {
  readonly id: string | undefined;
  readonly reason: string | undefined;
  readonly attempts: number | undefined;
  /** Time in ISO 8601. */
  readonly first: string | undefined;
  readonly last: string | undefined;
  /** Size of the body in bytes. */
  readonly size: number;
  /** Exchange of the first publish. `undefined` if no header contains it. */
  readonly exchange: string | undefined;
  readonly routingKey: string | undefined;
  /** Queue in which the message failed. */
  readonly queue: string | undefined;
  /** Offset of the message, if the queue is a stream. */
  readonly offset?: number;
}

export function deadLetterOf({ properties, content }: Pick<RawMessage, 'properties' | 'content'>): DeadLetter {
  const headers = properties.headers ?? {};
  const deaths = deathsIn(headers['x-death']);
  const [newest, oldest] = [deaths[0], deaths.at(-1)];
  const failure = failureIn(deaths);
  const own = { exchange: textOf(headers[headerNames.exchange]), routingKey: textOf(headers[headerNames.routingKey]) };
  const hasOwn = own.exchange !== undefined && own.routingKey !== undefined;
  const offset = countOf(headers[headerNames.offset]);
  const keys = oldest?.['routing-keys'];
  const byBroker = {
    exchange: textOf(oldest?.['exchange']),
    routingKey: textOf(Array.isArray(keys) ? keys[0] : undefined),
  };
  return {
    id: textOf(properties.messageId),
    reason:
      textOf(headers[headerNames.reason]) ?? textOf(failure?.['reason']) ?? textOf(headers['x-first-death-reason']),
    attempts: countOf(headers[headerNames.attempt]) ?? countOf(failure?.['count']),
    first: momentOf(headers[headerNames.first]) ?? timeOf(oldest?.['time']),
    last: momentOf(headers[headerNames.last]) ?? timeOf(newest?.['time']),
    size: content.length,
    ...(hasOwn ? own : byBroker),
    queue: textOf(headers[headerNames.queue]) ?? textOf(failure?.['queue']) ?? textOf(headers['x-first-death-queue']),
    ...(offset !== undefined && { offset }),
  };
}

/**
 * Returns the death that ended the work on the message: the newest one that is not the expiry in a wait queue or in a
 * dead-letter queue, otherwise the first one.
 */
function failureIn(deaths: readonly Readonly<Record<string, unknown>>[]) {
  return deaths.find(({ reason }) => reason !== 'expired') ?? deaths.at(-1);
}

/** Returns how long ago a time in ISO 8601 was, in the largest suitable unit: `45s`, `3m`, `2d`. */
export function ageOf(since: string): string {
  const seconds = Math.max(0, Math.floor((time.date() - Date.parse(since)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** Returns the headers without those of dead-lettering. `keepsOrigin` keeps mq's headers about origin and reason. */
export function withoutDeadLetterHeaders(
  headers: Readonly<Record<string, unknown>>,
  keepsOrigin: boolean,
): Record<string, unknown> {
  const origin: readonly string[] = keepsOrigin
    ? [
        headerNames.exchange,
        headerNames.routingKey,
        headerNames.queue,
        headerNames.reason,
        headerNames.first,
        headerNames.last,
        headerNames.offset,
      ]
    : [];
  return Object.fromEntries(Object.entries(headers).filter(([name]) => origin.includes(name) || !ofDeath.test(name)));
}

// RabbitMQ: CC and BCC would route the message again.
const ofDeath = /^(x-mq-.*|x-death|x-(first|last)-death-.*|x-delivery-count|x-acquired-count|CC|BCC)$/;

function deathsIn(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'object' && one !== null) : [];
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}

function momentOf(value: unknown): string | undefined {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]{5,12}Z$/.test(value) ? value : undefined;
}

/**
 * Converts a timestamp to ISO 8601. mq's codec returns a timestamp in a table (AMQP 0-9-1, 4.2.5.4) as `{ '!':
 * 'timestamp', value: seconds }`.
 */
function timeOf(value: unknown): string | undefined {
  const { value: seconds } = objectOf(value);
  const date = new Date(typeof seconds === 'number' ? seconds * 1000 : Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
