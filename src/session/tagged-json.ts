// Converts AMQP values to JSON and back. A value that JSON cannot express becomes an object with the type under the key
// "!", and the value as text or its bytes in base64: {"!":"long","value":"9223372036854775807"},
// {"!":"binary","base64":"/w=="}.

import { isObject, objectOf } from '../config/plain.ts';
import { bytesOfText, isPlainText, textOfBytes } from './byte-text.ts';
import { isTagged, isTypeName } from './codec/field-table.ts';
import type { Properties } from './raw-message.ts';

/** Deeper values become null, because JSON.stringify and most parsers are recursive. */
const deepest = 64;
/** Prefix for the name of a header that is not UTF-8. */
const namePrefix = '!base64:';

/** Returns a value that JSON.stringify can express without loss. */
export function taggedValue(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
      return isPlainText(value) ? value : { '!': 'string', base64: base64Of(bytesOfText(value)) };
    case 'bigint':
      return { '!': 'long', value: String(value) };
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : { '!': 'double', value: doubleText(value) };
    case 'object':
      break;
    default:
      return value;
  }
  if (value === null) return null;
  if (value instanceof Uint8Array) return { '!': 'binary', base64: base64Of(value) };
  if (depth === deepest) return null;
  if (Array.isArray(value)) return value.map((item) => taggedValue(item, depth + 1));
  if (!isTagged(value)) return taggedFields(value, depth);
  const { '!': type, value: inner } = value;
  if (type === 'table') return { '!': type, value: taggedFields(objectOf(inner), depth) };
  return { '!': type, value: typeof inner === 'bigint' ? String(inner) : inner };
}

/** Returns a header table that JSON.stringify can express. A header named "!" is an ordinary header. */
export function taggedFields(table: object, depth = 0): Record<string, unknown> {
  const copy: Record<string, unknown> = { ...table };
  if (needsNoTags(copy)) return copy;
  return Object.fromEntries(
    Object.entries(table).map(([name, value]) => {
      return [taggedName(name), taggedValue(value, depth + 1)];
    }),
  );
}

/** Returns the name of a field as a key of JSON, also if the name is not UTF-8. */
export function taggedName(name: string): string {
  const isPlain = isPlainText(name) && !name.startsWith(namePrefix);
  return isPlain ? name : namePrefix + base64Of(bytesOfText(name));
}

/** Most tables need no tags, and to rebuild each of them is expensive. */
function needsNoTags(table: Readonly<Record<string, unknown>>): boolean {
  for (const name in table) {
    const value = table[name];
    if (typeof value === 'string' ? !isPlainText(value) : !isPlainNumber(value) && typeof value !== 'boolean') {
      return false;
    }
    if (!isPlainText(name) || name.startsWith(namePrefix)) return false;
  }
  return true;
}

function isPlainNumber(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && !Object.is(value, -0);
}

/** Returns the properties in a form that JSON.stringify can express, without `headers`. */
export function taggedProperties({ headers: _, timestamp, ...properties }: Properties): Record<string, unknown> {
  const time = typeof timestamp === 'bigint' ? { '!': 'timestamp', value: timestamp } : timestamp;
  return taggedFields({ ...properties, ...(time !== undefined && { timestamp: time }) });
}

/**
 * Parses JSON into a header value. An integer keeps all its digits, and a number with a point or an exponent is a
 * double. Throws an Error with the reason.
 */
export function valueOfJson(text: string): unknown {
  return untagged(parsedJson(text));
}

/** Parses JSON without loss of digits, and leaves the tags. Throws an Error with the reason. */
export function parsedJson(text: string): unknown {
  // The types of TypeScript lack the third argument, the source text of a number.
  return JSON.parse(text, ((_: string, value: unknown, { source }: { source: string }) => {
    if (typeof value !== 'number') return value;
    if (!Number.isFinite(value)) throw new RangeError(`${source} is outside the range of the type 'double'`);
    if (!/^-?\d+$/.test(source)) return { '!': 'double', value };
    return Number.isSafeInteger(value) ? value : BigInt(source);
  }) as (key: string, value: unknown) => unknown);
}

/** Converts a parsed value back. Throws an Error with the reason. */
export function untagged(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(untagged);
  if (!isTagged(value)) return untaggedFields(value);
  const { '!': type, value: inner } = value;
  const { base64 } = objectOf(value);
  if (typeof base64 === 'string' && (type === 'binary' || type === 'string')) {
    const bytes = Buffer.from(base64, 'base64');
    return type === 'binary' ? bytes : textOfBytes(bytes);
  }
  if (typeof type !== 'string' || !isTypeName(type)) throw new Error(`"!" is not a type: ${JSON.stringify(type)}`);
  if (type !== 'table') return { '!': type, value: untaggedNumber(untagged(inner)) };
  if (!isObject(inner)) throw new TypeError('the value of a table is not an object');
  return { '!': type, value: untaggedFields(inner) };
}

/** Returns the number itself, because `valueOfJson` makes every number with a point a double. */
function untaggedNumber(value: unknown): unknown {
  return isTagged(value) && value['!'] === 'double' ? value.value : value;
}

/** Converts a parsed table back. A field named "!" is an ordinary field. Throws an Error with the reason. */
export function untaggedFields(table: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).map(([name, value]) => {
      const isEncoded = name.startsWith(namePrefix);
      const bytes = Buffer.from(isEncoded ? name.slice(namePrefix.length) : '', 'base64');
      return [isEncoded ? textOfBytes(bytes) : name, untagged(value)];
    }),
  );
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

function doubleText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}
