// Narrows answers of the management API, whose shape is not known in advance.

import { isObject } from '../config/plain.ts';
import { MqError } from '../errors.ts';

/** A JSON object of the API. */
export type ApiObject = Readonly<Record<string, unknown>>;

/** Returns the body of an answer as an object. Throws PROTOCOL if it is not one. */
export function objectIn(body: unknown): ApiObject {
  const value = withoutEmptyList(body);
  if (isObject(value)) return value;
  throw new MqError('PROTOCOL', 'the answer of the management API is not a JSON object');
}

/** Returns the body of an answer as a list of objects. Throws PROTOCOL if it is not one. */
export function objectsIn(body: unknown): readonly ApiObject[] {
  const values = Array.isArray(body) ? body.map(withoutEmptyList) : undefined;
  if (values?.every(isObject)) return values;
  throw new MqError('PROTOCOL', 'the answer of the management API is not a list of JSON objects');
}

/** RabbitMQ encodes an object without fields as `[]`, for example an item that has none of the requested columns. */
function withoutEmptyList(value: unknown): unknown {
  return Array.isArray(value) && value.length === 0 ? {} : value;
}

/** Returns the number, or the default for any other value. */
export function numberIn(value: unknown, otherwise = 0): number {
  return typeof value === 'number' ? value : otherwise;
}

/** Returns the text, or an empty text for any other value. */
export function textIn(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Returns the texts of a list, or an empty list for any other value. */
export function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
