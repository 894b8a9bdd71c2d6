// Fields of a request's body, each with what it has to be. All throw 400.

import { Arguments } from '../codec/arguments.ts';
import { fieldTable, shortString } from './json.ts';
import { badRequest } from './refusal.ts';

type Body = Readonly<Record<string, unknown>>;

/** RabbitMQ: throws for all that are missing at once. */
export function assertKeys(body: Body, keys: readonly string[]): void {
  const missing = keys.filter((key) => body[key] === undefined);
  if (missing.length > 0) throw badRequest(`[${missing.map((key) => `{key_missing,${key}}`).join(',')}]`);
}

export function textOf(body: Body, key: string, otherwise = ''): string {
  const value = body[key] ?? otherwise;
  if (typeof value !== 'string') throw badRequest(`not_string: ${key}`);
  // Half a surrogate pair would be another text on the wire.
  return value.toWellFormed();
}

/** A name or a routing key. */
export function nameOf(body: Body, key: string, otherwise = ''): string {
  return shortString(textOf(body, key, otherwise), key);
}

/** RabbitMQ: as a text, too. */
export function flagOf(body: Body, key: string, otherwise = false): boolean {
  const value = body[key] ?? otherwise;
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  throw badRequest(`not_boolean: ${key}`);
}

/** Not negative. RabbitMQ: as a text, too. */
export function wholeOf(body: Body, key: string): number {
  const value = typeof body[key] === 'string' && /^\d{1,15}$/.test(body[key]) ? Number(body[key]) : body[key];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw badRequest(`not_int: ${key}`);
  return value;
}

export function argumentsOf(body: Body): Arguments {
  return Arguments.of(fieldTable(body['arguments']));
}

/** The objects of a list; none where it is missing. */
export function objectsOf(body: Body, key: string): Body[] {
  const value = body[key] ?? [];
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null);
  if (!isList) throw badRequest(`${key} is no list of objects`);
  return value as Body[];
}

/** A list of texts, or one text with commas. */
export function tagsOf(value: unknown): string[] {
  const tags = typeof value === 'string' ? value.split(',') : value;
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string'))
    throw badRequest('tags are not a list of texts');
  return tags.map((tag) => tag.trim()).filter((tag) => tag !== '');
}

/** An object; empty where it is missing. */
export function objectOf(body: Body, key: string): Body {
  const value = body[key] ?? {};
  // RabbitMQ 4.0 writes an empty object as an empty list.
  if (Array.isArray(value) && value.length === 0) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw badRequest(`${key} is not an object`);
  return value as Body;
}
