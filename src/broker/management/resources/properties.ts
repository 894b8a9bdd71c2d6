// Converts the properties of a message to JSON and back. RabbitMQ writes their names with underscores.

import type { BasicProperties } from '../../codec/properties.ts';
import { nameOf, wholeOf } from '../body.ts';
import { fieldTable, isJsonObject, type JsonObject, jsonOf } from '../json.ts';
import { badRequest } from '../refusal.ts';

type Kind = 'text' | 'octet' | 'number' | 'table';

const properties: readonly (readonly [json: string, name: keyof BasicProperties, kind: Kind])[] = [
  ['content_type', 'contentType', 'text'],
  ['content_encoding', 'contentEncoding', 'text'],
  ['headers', 'headers', 'table'],
  ['delivery_mode', 'deliveryMode', 'octet'],
  ['priority', 'priority', 'octet'],
  ['correlation_id', 'correlationId', 'text'],
  ['reply_to', 'replyTo', 'text'],
  ['expiration', 'expiration', 'text'],
  ['message_id', 'messageId', 'text'],
  ['timestamp', 'timestamp', 'number'],
  ['type', 'type', 'text'],
  ['user_id', 'userId', 'text'],
  ['app_id', 'appId', 'text'],
  ['cluster_id', 'clusterId', 'text'],
];

/** Converts a JSON object to properties. Ignores unknown fields, as RabbitMQ does. Throws 400 for an invalid value. */
export function propertiesOf(value: unknown): BasicProperties {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return {};
  if (!isJsonObject(value)) throw badRequest('properties are not a JSON object');
  const present = properties.filter(([json]) => value[json] !== undefined);
  return Object.fromEntries(present.map(([json, name, kind]) => [name, fieldOf(value, json, kind)]));
}

export function jsonProperties(values: BasicProperties): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [json, name] of properties) {
    const value = values[name];
    if (value !== undefined) fields[json] = jsonOf(value);
  }
  return fields;
}

function fieldOf(body: JsonObject, key: string, kind: Kind): unknown {
  if (kind === 'table') return fieldTable(body[key]);
  if (kind === 'text') return nameOf(body, key);
  const number = wholeOf(body, key);
  if (kind === 'octet' && number > 255) throw badRequest(`not_int: ${key}`);
  return number;
}
