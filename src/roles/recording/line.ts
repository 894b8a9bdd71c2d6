// Converts a message to one line of a recording and back, without loss of a byte or a type. Fields that JSON cannot
// express exactly are also in "raw": the original flags and properties, in base64, which then replace the others.

import { isUtf8 } from 'node:buffer';
import { isObject, objectOf } from '../../config/plain.ts';
import { MqError } from '../../errors.ts';
import { parsedJson, taggedValue, untagged, untaggedFields } from '../../session/tagged-json.ts';
import {
  type ExactJson,
  exactJson,
  type Properties,
  propertyBytes,
  propertyKinds,
  readProperties,
  receivedBytes,
} from '../../session/wire.ts';

export interface RecordedMessage {
  readonly body: Buffer;
  /** Name of the exchange. '' is the default exchange. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly redelivered: boolean;
  /** Queue that the message was read from. */
  readonly queue?: string;
  readonly properties: Properties;
  /** Time when it was recorded, in milliseconds since 1970. */
  readonly time: number;
  /** Milliseconds after the first message of the recording. */
  readonly at: number;
}

/** Returns the line, without a newline. */
export function lineOfMessage(message: RecordedMessage): string {
  const { body, exchange, routingKey, redelivered, queue, properties, time, at } = message;
  const encoding = isUtf8(body) ? 'utf8' : 'base64';
  const fields = { exchange: taggedValue(exchange), routingKey: taggedValue(routingKey), redelivered };
  return JSON.stringify({
    at,
    time: new Date(time).toISOString(),
    body: body.toString(encoding),
    encoding,
    fields: queue === undefined ? fields : { ...fields, queue: taggedValue(queue) },
    ...jsonOf(properties),
  });
}

interface PropertiesJson extends Partial<ExactJson> {
  readonly raw?: string;
}

function jsonOf(properties: Properties): PropertiesJson {
  const bytes = receivedBytes(properties) ?? propertyBytes(properties);
  const raw = { raw: bytes.toString('base64') };
  let json: ExactJson;
  try {
    json = exactJson(bytes);
  } catch {
    return raw;
  }
  const isExact = propertyBytes(propertiesOf(json)).equals(bytes);
  const { headers, ...others } = json;
  return { ...others, ...(headers && { headers }), ...(!isExact && raw) };
}

function propertiesOf({ properties, headers }: ExactJson): Properties {
  const values = untaggedFields(properties);
  const { timestamp } = values;
  // A timestamp over 2^53 has the form {"!":"timestamp","value":"…"}.
  const time = isObject(timestamp) ? { timestamp: BigInt(String(timestamp['value'])) } : {};
  return { ...values, ...time, ...(headers && { headers: untaggedFields(headers) }) };
}

/** Parses a line. Throws BAD_DATA with the reason. */
export function messageOfLine(line: string): RecordedMessage {
  try {
    return parsedMessage(objectOf(parsedJson(line)));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new MqError('BAD_DATA', `it is not a message of a recording: ${why}`, { cause: error });
  }
}

function parsedMessage(json: Readonly<Record<string, unknown>>): RecordedMessage {
  const { body, encoding, fields, at, time } = json;
  if (typeof body !== 'string') throw new TypeError('"body" is not a text');
  if (encoding !== 'utf8' && encoding !== 'base64') throw new TypeError('"encoding" must be "utf8" or "base64"');
  const { exchange, routingKey, redelivered, queue } = objectOf(fields);
  const recorded = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  const after = realOf(at);
  if (Number.isNaN(recorded)) throw new TypeError('"time" is not a time');
  if (!(after >= 0)) throw new TypeError('"at" is not a number of milliseconds');
  return {
    body: encoding === 'base64' ? bytesOf(body, 'body') : Buffer.from(body),
    exchange: nameOf(exchange, 'exchange'),
    routingKey: nameOf(routingKey, 'routingKey'),
    redelivered: redelivered === true,
    ...(queue !== undefined && { queue: nameOf(queue, 'queue') }),
    properties: parsedProperties(json),
    time: recorded,
    at: after,
  };
}

function parsedProperties({ raw, properties, headers }: Readonly<Record<string, unknown>>): Properties {
  if (typeof raw === 'string') return readProperties(bytesOf(raw, 'raw'));
  if (!isObject(properties)) throw new TypeError('"properties" is not an object');
  if (headers !== undefined && !isObject(headers)) throw new TypeError('"headers" is not an object');
  const values = propertiesOf({ properties, headers });
  const { headers: _, ...plain } = values;
  for (const [name, value] of Object.entries(plain)) checkProperty(name, value);
  // Reports values that AMQP cannot represent before anything is sent.
  propertyBytes(values);
  return values;
}

const kinds: ReadonlyMap<string, string> = new Map(propertyKinds);

/** Throws if the message would be sent without the property, or with another value. */
function checkProperty(name: string, value: unknown): void {
  const kind = kinds.get(name);
  if (kind === undefined) throw new TypeError(`there is no property "${name}"`);
  if (kind === 'text' && typeof value !== 'string') throw new TypeError(`"${name}" is not a text`);
  if (kind === 'octet' && !(Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255))
    throw new TypeError(`"${name}" is not a whole number from 0 to 255`);
  if (kind === 'time' && typeof value !== 'bigint' && !Number.isSafeInteger(value))
    throw new TypeError(`"${name}" is not a number of seconds`);
}

/** Decodes base64. Node.js would skip other characters. */
function bytesOf(text: string, field: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new TypeError(`"${field}" is not base64`);
  return bytes;
}

/** Returns a number that `parsedJson` has read: one with a point is a tagged double. */
function realOf(value: unknown): number {
  return typeof value === 'number' ? value : Number(objectOf(value)['value']);
}

function nameOf(value: unknown, field: string): string {
  const name = untagged(value);
  if (typeof name !== 'string') throw new TypeError(`"${field}" is not a text`);
  return name;
}
