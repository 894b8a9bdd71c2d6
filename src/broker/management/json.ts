// Converts between JSON and the values of field tables.

import { Decimal, type FieldValue, isTable, type Table, Timestamp } from '../codec/table.ts';
import { badRequest } from './refusal.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

/** The maximum nesting depth, the same as for field tables in frames. */
const depthLimit = 64;
/** The maximum length of a short string (AMQP 0-9-1, 4.2.5.3). */
const shortStringBytes = 255;

declare global {
  interface JSON {
    /** Exists since Node 21, but TypeScript's library does not declare it. */
    rawJSON(text: string): unknown;
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Converts a field to a value for JSON.stringify. A bigint keeps all its digits. */
export function jsonOf(value: FieldValue): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (typeof value === 'bigint') return JSON.rawJSON(String(value));
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Timestamp) return jsonOf(value.seconds);
  if (value instanceof Decimal) return value.digits / 10 ** value.places;
  return isTable(value) ? jsonTable(value) : value.map(jsonOf);
}

export function jsonTable(table: Table): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, jsonOf(value)]));
}

/** Converts a JSON object to a field table. Throws 400 for a value that a field table cannot contain. */
export function fieldTable(value: unknown, depth = 0): Table {
  const table: Record<string, FieldValue> = Object.create(null);
  // RabbitMQ: an Erlang client sends an empty table as an empty list.
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return table;
  if (!isJsonObject(value)) throw badRequest('arguments are not a JSON object');
  for (const [key, field] of Object.entries(value)) table[shortString(key, 'an argument')] = fieldOf(field, depth + 1);
  return table;
}

/** Returns the text. Throws 400 if it cannot be a name or a key of AMQP. */
export function shortString(text: string, what: string): string {
  if (Buffer.byteLength(text) > shortStringBytes) throw badRequest(`${what} has more than ${shortStringBytes} bytes`);
  if (text.includes('\0')) throw badRequest(`${what} contains a NUL character`);
  return text;
}

function fieldOf(value: unknown, depth: number): FieldValue {
  if (depth > depthLimit) throw badRequest('arguments are nested too deeply');
  if (Array.isArray(value)) return value.map((item) => fieldOf(item, depth + 1));
  if (isJsonObject(value)) return fieldTable(value, depth);
  if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
    return value;
  throw badRequest(`an argument has the type ${typeof value}`);
}
