// The properties of a message in JSON: RabbitMQ's names, with an underscore.

import type { BasicProperties } from '../../codec/properties.ts';
import type { FieldValue, Table } from '../../codec/table.ts';
import { nameOf, wholeOf } from '../body.ts';
import { fieldTable, jsonOf, jsonTable } from '../json.ts';
import { badRequest } from '../refusal.ts';

type Kind = 'text' | 'octet' | 'number' | 'table';

const rows: readonly (readonly [json: string, name: keyof BasicProperties, kind: Kind])[] = [
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

/** RabbitMQ: fields of other names are passed over. Throws 400. */
export function propertiesOf(value: unknown): BasicProperties {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('properties are no JSON object');
  const body = value as Readonly<Record<string, unknown>>;
  const present = rows.filter(([json]) => body[json] !== undefined);
  return Object.fromEntries(present.map(([json, name, kind]) => [name, fieldOf(body, json, kind)]));
}

export function jsonProperties(properties: BasicProperties): Record<string, unknown> {
  const present = rows.filter(([, name]) => properties[name] !== undefined);
  return Object.fromEntries(
    present.map(([json, name, kind]) => {
      const value = properties[name];
      return [json, kind === 'table' ? jsonTable(value as Table) : jsonOf(value as FieldValue)];
    }),
  );
}

function fieldOf(body: Readonly<Record<string, unknown>>, key: string, kind: Kind): unknown {
  if (kind === 'table') return fieldTable(body[key]);
  if (kind === 'text') return nameOf(body, key);
  const number = wholeOf(body, key);
  if (kind === 'octet' && number > 255) throw badRequest(`not_int: ${key}`);
  return number;
}
