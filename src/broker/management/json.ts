// Between JSON and the values of field tables.

import { Decimal, type FieldValue, type Table, Timestamp } from '../codec/table.ts';
import { badRequest } from './refusal.ts';

/** As deep as a field table may be on the wire. */
const depthLimit = 64;
/** AMQP 0-9-1, 4.2.5.3 */
const shortStringBytes = 255;

export function jsonOf(value: FieldValue): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1');
  if (typeof value === 'bigint') return rawNumber(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Timestamp) return jsonOf(value.seconds);
  if (value instanceof Decimal) return value.digits / 10 ** value.places;
  if (Array.isArray(value)) return value.map(jsonOf);
  return jsonTable(value as Table);
}

/** With all digits in the JSON, whatever a reader makes of them. */
function rawNumber(value: bigint): unknown {
  // Node has it; TypeScript's library does not know it yet.
  return (JSON as unknown as { rawJSON: (text: string) => unknown }).rawJSON(String(value));
}

export function jsonTable(table: Table): Record<string, unknown> {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, jsonOf(value)]));
}

/** Throws 400 for what a field table cannot hold. */
export function fieldTable(value: unknown, depth = 0): Table {
  // RabbitMQ: an empty list is what an Erlang client makes of an empty table.
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return Object.create(null) as Table;
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('arguments are no JSON object');
  const table = Object.create(null) as Record<string, FieldValue>;
  for (const [key, field] of Object.entries(value)) table[shortString(key, 'an argument')] = fieldOf(field, depth + 1);
  return table;
}

/** Throws 400 for a text that is too long for a name or a key. */
export function shortString(text: string, what: string): string {
  if (Buffer.byteLength(text) > shortStringBytes) throw badRequest(`${what} has more than ${shortStringBytes} bytes`);
  if (text.includes('\0')) throw badRequest(`${what} has a NUL in it`);
  return text;
}

function fieldOf(value: unknown, depth: number): FieldValue {
  if (depth > depthLimit) throw badRequest('arguments are nested too deep');
  if (Array.isArray(value)) return value.map((item) => fieldOf(item, depth + 1));
  if (typeof value === 'object' && value !== null) return fieldTable(value, depth);
  return value as FieldValue;
}
