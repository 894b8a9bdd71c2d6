// Reads the fields of a request's body. All functions throw 400 if a field has the wrong type.

import { Arguments } from '../codec/arguments.ts';
import { fieldTable, isJsonObject, type JsonObject, shortString } from './json.ts';
import { badRequest } from './refusal.ts';

/** Throws 400 with all missing keys, as RabbitMQ does. */
export function assertKeys(body: JsonObject, keys: readonly string[]): void {
  const missing = keys.filter((key) => body[key] === undefined);
  if (missing.length > 0) throw badRequest(`[${missing.map((key) => `{key_missing,${key}}`).join(',')}]`);
}

export function textOf(body: JsonObject, key: string, otherwise = ''): string {
  const value = body[key] ?? otherwise;
  if (typeof value !== 'string') throw badRequest(`not_string: ${key}`);
  // Replaces half of a surrogate pair, because UTF-8 cannot encode it.
  return value.toWellFormed();
}

/** Returns a name or a routing key. */
export function nameOf(body: JsonObject, key: string, otherwise = ''): string {
  return shortString(textOf(body, key, otherwise), key);
}

/** Returns a boolean. RabbitMQ also accepts the strings `true` and `false`. */
export function flagOf(body: JsonObject, key: string, otherwise = false): boolean {
  const value = body[key] ?? otherwise;
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw badRequest(`not_boolean: ${key}`);
}

/** Returns a non-negative integer. RabbitMQ also accepts a string of digits. */
export function wholeOf(body: JsonObject, key: string): number {
  const value = typeof body[key] === 'string' && /^\d{1,15}$/.test(body[key]) ? Number(body[key]) : body[key];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw badRequest(`not_int: ${key}`);
  return value;
}

export function argumentsOf(body: JsonObject): Arguments {
  return Arguments.of(fieldTable(body['arguments']));
}

/** Returns a list of objects, or an empty list if the field is missing. */
export function objectsOf(body: JsonObject, key: string): readonly JsonObject[] {
  const value = body[key] ?? [];
  if (!Array.isArray(value) || !value.every(isJsonObject)) throw badRequest(`${key} is not a list of objects`);
  return value;
}

/** Returns the tags of a list, or of a comma-separated string. */
export function tagsOf(value: unknown): string[] {
  const tags = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string'))
    throw badRequest('tags are not a list of strings');
  return tags.map((tag) => tag.trim()).filter((tag) => tag !== '');
}

/** Returns the object in a field, or an empty object if the field is missing. */
export function objectField(body: JsonObject, key: string): JsonObject {
  const value = body[key] ?? {};
  // RabbitMQ 4.0 writes an empty object as an empty list.
  if (Array.isArray(value) && value.length === 0) return {};
  if (!isJsonObject(value)) throw badRequest(`${key} is not an object`);
  return value;
}
