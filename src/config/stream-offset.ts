// Parses the position at which a consumer starts to read a stream. RabbitMQ 4.0 closes the connection if the position is
// not valid, and every version reads a negative one as `first`. A bad position must therefore never reach the broker.

import { time } from '../time.ts';
import { durationMs, timeMs } from './duration.ts';
import { isObject } from './plain.ts';

/** A position as the value of `x-stream-offset` in basic.consume. A timestamp is in seconds, in the form of amqplib. */
export type StreamOffset = 'first' | 'last' | 'next' | number | { readonly '!': 'timestamp'; readonly value: number };

type ParsedOffset = { readonly offset: StreamOffset } | { readonly problem: string };

/** Forms of a position for help texts and error messages. */
const offsetForms = 'first, last, next, a number, 10m (s, m, h, d) or 2026-12-01T08:00:00Z';

const words = ['first', 'last', 'next'] as const;
/** Units of RabbitMQ for x-max-age that differ from those of mq, in milliseconds. `M` is left out on purpose. */
const brokerUnits: Readonly<Record<string, number>> = { D: 86_400_000, Y: 365 * 86_400_000 };
/** RFC 3339, 5.6: a date, a time and a time zone. */
const dateTime = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/i;

/**
 * Parses a position that a user has written. A duration is a time before `now`.
 * @param now milliseconds since 1970
 */
export function parseOffset(text: string, now = time.date()): ParsedOffset {
  const word = words.find((one) => one === text);
  if (word) return { offset: word };
  if (/^-\d/.test(text)) return { problem: 'an offset is not negative; the first message is at first' };
  if (/^\d+$/.test(text)) return ofNumber(Number(text));
  if (/^\d{4}-\d{2}/.test(text)) return ofTime(text);
  return ofDuration(text, now);
}

/** Parses the value of `x-stream-offset` in rascal.json: a text, a number, or a timestamp in the form of amqplib. */
export function parseOffsetArgument(value: unknown, now = time.date()): ParsedOffset {
  if (typeof value === 'string') return parseOffset(value, now);
  if (typeof value === 'number') return ofNumber(value);
  const seconds = isObject(value) && value['!'] === 'timestamp' ? value['value'] : undefined;
  if (typeof seconds === 'number' && Number.isSafeInteger(seconds) && seconds >= 0)
    return { offset: { '!': 'timestamp', value: seconds } };
  return { problem: `an offset is ${offsetForms}` };
}

function ofNumber(number: number): ParsedOffset {
  if (number < 0) return { problem: 'an offset is not negative; the first message is at first' };
  if (!Number.isInteger(number)) return { problem: 'an offset is a whole number' };
  if (number > Number.MAX_SAFE_INTEGER) return { problem: `the highest offset is ${Number.MAX_SAFE_INTEGER}` };
  return { offset: number };
}

function ofTime(text: string): ParsedOffset {
  const time = dateTime.test(text) ? timeMs(text) : undefined;
  if (time === undefined) return { problem: 'a time is a date, a time and a time zone: 2026-12-01T08:00:00Z' };
  return at(time);
}

function ofDuration(text: string, now: number): ParsedOffset {
  const [, digits, unit = ''] = /^(\d{1,12})([DY])$/.exec(text) ?? [];
  const factor = brokerUnits[unit];
  const agoMs = factor === undefined ? withUnit(text) : Number(digits) * factor;
  if (agoMs !== undefined) return at(now - agoMs);
  if (/^\d+M$/.test(text)) return { problem: 'M means months to RabbitMQ; use 10m for minutes or 30d for a month' };
  return { problem: `an offset is ${offsetForms}` };
}

function withUnit(text: string): number | undefined {
  return /\d$/.test(text) ? undefined : durationMs(text, 's');
}

/** RabbitMQ starts with the first chunk that is not older than the timestamp, which has a precision of seconds. */
function at(time: number): ParsedOffset {
  if (time < 0) return { problem: 'the time is before 1970' };
  return { offset: { '!': 'timestamp', value: Math.floor(time / 1000) } };
}
