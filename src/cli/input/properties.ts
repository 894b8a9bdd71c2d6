// Parses --property and --header: converts NAME=VALUE to AMQP properties (AMQP 0-9-1 reference, 1.8.2).

import { durationExamples, durationMs } from '../../config/duration.ts';
import type { Context } from '../../context.ts';
import { systemReason } from '../../errors.ts';
import { bytesOfText } from '../../session/byte-text.ts';
import { valueOfJson } from '../../session/tagged-json.ts';
import type { Properties } from '../../session/wire.ts';
import { propertyBytes } from '../../session/wire.ts';
import { traceOfEnvironment } from '../../tracing.ts';
import type { Values } from '../arguments/values.ts';

const names: Readonly<Record<string, string>> = {
  'content-type': 'contentType',
  'content-encoding': 'contentEncoding',
  'correlation-id': 'correlationId',
  'reply-to': 'replyTo',
  expiration: 'expiration',
  'message-id': 'messageId',
  type: 'type',
  'user-id': 'userId',
  'app-id': 'appId',
  priority: 'priority',
  timestamp: 'timestamp',
  'delivery-mode': 'deliveryMode',
};

/** RabbitMQ stores a TTL as a 32-bit number of milliseconds. */
const longestTtlMs = 4_294_967_295;

const ranges: Readonly<Record<string, readonly [number, number]>> = {
  priority: [0, 255],
  timestamp: [0, 999_999_999_999_999],
  deliveryMode: [1, 2],
};

/**
 * Returns the properties. `content-type`, `content_type` and `contentType` are equivalent. Adds the
 * traceparent of the environment if no header sets one. Throws USAGE.
 */
export function properties(values: Values, env: Context['env']): Properties {
  const found: Record<string, unknown> = {};
  const type = values.list('content-type').map((value) => ['content-type', value] as const);
  for (const [typed, value] of [...values.pairs('property'), ...type]) {
    const dashed = typed.replace(/_/g, '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const name = Object.hasOwn(names, dashed) ? names[dashed] : undefined;
    if (name === undefined)
      throw values.usage(`there is no property '${typed}'; the properties are ${Object.keys(names).join(', ')}`);
    const range = ranges[name];
    if (range && !(/^\d{1,15}$/.test(value) && Number(value) >= range[0] && Number(value) <= range[1]))
      throw values.usage(
        `the property ${dashed} must be a whole number from ${range[0]} to ${range[1]}, not '${value}'`,
      );
    const ttlMs = name === 'expiration' ? durationMs(value, 'ms') : undefined;
    if (name === 'expiration' && (ttlMs === undefined || ttlMs > longestTtlMs))
      throw values.usage(
        `the property expiration must be milliseconds or a duration (${durationExamples}), not '${value}'`,
      );
    const bytes = bytesOfText(value).length;
    if (!range && bytes > 255) throw values.usage(`the property ${dashed} has ${bytes} bytes; AMQP allows 255`);
    // RabbitMQ: a per-message TTL is a string with a whole number of milliseconds.
    found[name] = range ? Number(value) : ttlMs === undefined ? value : String(ttlMs);
  }
  const given = headersOf(values);
  const all = { ...(!Object.hasOwn(given, 'traceparent') && traceOfEnvironment(env)), ...given };
  return Object.keys(all).length > 0 ? { ...found, headers: all } : found;
}

/** Returns the headers of --header. Throws USAGE. */
export function headersOf(values: Values): Record<string, unknown> {
  return Object.fromEntries(values.pairs('header').map((pair) => header(pair, values)));
}

/**
 * Parses a header. `NAME=TEXT` is text; `NAME:=JSON` is a value of any type, with tags for types that JSON does not
 * have (tagged-json.ts).
 */
function header([typed, text]: readonly [string, string], values: Values): readonly [string, unknown] {
  const isTyped = typed.endsWith(':');
  const name = isTyped ? typed.slice(0, -1) : typed;
  if (name === '') throw values.usage('a header has no name: --header NAME=TEXT or NAME:=JSON');
  try {
    const value = isTyped ? valueOfJson(text) : text;
    propertyBytes({ headers: { [name]: value } });
    return [name, value];
  } catch (error) {
    const why =
      error instanceof SyntaxError
        ? `its value is not JSON; write ${name}=TEXT for text`
        : isOverflow(error)
          ? 'its value is nested too deeply'
          : systemReason(error);
    throw values.usage(`--header ${name}: ${why}`);
  }
}

/** Returns `true` for a stack overflow. JSON.parse and the encoder are recursive, so deeply nested JSON causes one. */
function isOverflow(error: unknown): boolean {
  return error instanceof RangeError && /call stack/.test(error.message);
}
