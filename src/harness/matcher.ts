// Checks whether a message matches what a test expects, and describes a message that does not.

import { inspect, isDeepStrictEqual } from 'node:util';
import type { ReceivedMessage } from './target.ts';

/** Parts of a message. A string or number must be equal, a RegExp must match, and an object must be contained. */
export interface MessageParts {
  readonly body?: unknown;
  readonly text?: unknown;
  readonly json?: unknown;
  readonly properties?: unknown;
  readonly headers?: unknown;
  readonly fields?: unknown;
}

/**
 * A matcher. A string is the whole body, a RegExp matches part of the body, and a function returns true for the
 * message. An object contains parts of the message if all its keys are names of parts; otherwise it is contained in the
 * JSON body.
 */
export type Matcher = string | RegExp | ((message: ReceivedMessage) => unknown) | MessageParts | object;

export function matches(message: ReceivedMessage, matcher: Matcher | undefined): boolean {
  if (matcher === undefined) return true;
  if (typeof matcher === 'function') return Boolean((matcher as (message: ReceivedMessage) => unknown)(message));
  return holds(seen(message, matcher), wanted(matcher));
}

/** Returns the part of the message that the matcher examines, for the displayed difference. */
export function seen(message: ReceivedMessage, matcher: Matcher | undefined): unknown {
  if (!isPartial(matcher)) return message.text;
  if (!namesParts(matcher)) return part(parsed(message), matcher);
  const { fields, properties, headers, text } = message;
  const all: Record<string, unknown> = { text, fields, properties, headers };
  const body = typeof matcher['body'] === 'object' && !(matcher['body'] instanceof RegExp) ? 'json' : 'text';
  for (const name of Object.keys(matcher)) {
    if (name === 'json' || (name === 'body' && body === 'json')) all[name] = parsed(message);
    else if (name === 'body') all[name] = text;
  }
  return Object.fromEntries(Object.keys(matcher).map((name) => [name, part(all[name], matcher[name])]));
}

export function wanted(matcher: Matcher | undefined): unknown {
  return matcher;
}

/** Describes a message in one line: the body, the key, and its headers. */
export function describe({ text, fields, headers }: ReceivedMessage): string {
  const body = text.length > 120 ? `${text.slice(0, 120)}… (${text.length} characters)` : text;
  const more = Object.keys(headers).length > 0 ? `, headers ${inspect(headers, { breakLength: Infinity })}` : '';
  return `${JSON.stringify(body)} (exchange ${JSON.stringify(fields.exchange)}, key ${JSON.stringify(fields.routingKey)}${more})`;
}

const partNames = ['body', 'text', 'json', 'properties', 'headers', 'fields'];

function isPartial(matcher: Matcher | undefined): matcher is Record<string, unknown> {
  return typeof matcher === 'object' && !(matcher instanceof RegExp);
}

function namesParts(matcher: Record<string, unknown>): boolean {
  const names = Object.keys(matcher);
  return names.length > 0 && names.every((name) => partNames.includes(name));
}

function parsed(message: ReceivedMessage): unknown {
  try {
    return message.json();
  } catch {
    return message.text;
  }
}

/** Returns `true` if `found` equals `want` or contains it. */
function holds(found: unknown, want: unknown): boolean {
  if (want instanceof RegExp) return typeof found === 'string' && want.test(found);
  if (typeof want !== 'object' || want === null || want instanceof Uint8Array) return isDeepStrictEqual(found, want);
  if (typeof found !== 'object' || found === null) return false;
  if (Array.isArray(want)) {
    return Array.isArray(found) && found.length === want.length && want.every((one, at) => holds(found[at], one));
  }
  const own = found as Record<string, unknown>;
  return Object.entries(want).every(([name, value]) => holds(own[name], value));
}

/** Returns only the parts of a value that the matcher names, because the others are not a difference. */
function part(found: unknown, want: unknown): unknown {
  if (typeof want !== 'object' || want === null || Array.isArray(want) || want instanceof RegExp) return found;
  if (typeof found !== 'object' || found === null) return found;
  const own = found as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(want).flatMap(([name, value]) => (name in own ? [[name, part(own[name], value)]] : [])),
  );
}
