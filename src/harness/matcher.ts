// Whether a message is the one that a test waits for, and how it is shown when it is not.

import { inspect, isDeepStrictEqual } from 'node:util';
import type { ReceivedMessage } from './target.ts';

/** Parts of a message. A string or number is to be equal, a RegExp to match, an object to be part of what is there. */
export interface MessageParts {
  readonly body?: unknown;
  readonly text?: unknown;
  readonly json?: unknown;
  readonly properties?: unknown;
  readonly headers?: unknown;
  readonly fields?: unknown;
}

/**
 * A string: the whole body. A RegExp: some of the body. A function: true for the message. An object: parts of the message
 * if all its names are those of parts, else a part of its JSON.
 */
export type Matcher = string | RegExp | ((message: ReceivedMessage) => unknown) | MessageParts | object;

export function matches(message: ReceivedMessage, matcher: Matcher | undefined): boolean {
  if (matcher === undefined) return true;
  if (typeof matcher === 'function') return Boolean((matcher as (message: ReceivedMessage) => unknown)(message));
  return holds(seen(message, matcher), wanted(matcher));
}

/** What of the message the matcher looks at: for the difference that is shown. */
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

/** One line: the body, the key, what headers there are. */
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

/** True if `found` is `want`, or holds all of it. */
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

/** Of what was found, only what the matcher names: the rest is no difference. */
function part(found: unknown, want: unknown): unknown {
  if (typeof want !== 'object' || want === null || Array.isArray(want) || want instanceof RegExp) return found;
  if (typeof found !== 'object' || found === null) return found;
  const own = found as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(want).flatMap(([name, value]) => (name in own ? [[name, part(own[name], value)]] : [])),
  );
}
