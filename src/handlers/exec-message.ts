// What a child is told of its message: MQ_* variables, and the JSON on descriptor 3.
// Everything of the message is hostile: whatever the system could not take is left out, never cut and never thrown.

import { isUtf8 } from 'node:buffer';
import type { Message, MessageProperties } from './handler.ts';
import { traceOf, traceVariables } from './trace.ts';

type Environment = Record<string, string>;

/**
 * The message as MQ_* variables: how it came, its properties, and the headers that are text, numbers or booleans; and its
 * trace.
 * Together at most 64 KiB; what comes after that is left out (descriptor 3 has it).
 */
export function messageVariables({ fields, properties, headers, attempt }: Message): Environment {
  const variables: Environment = Object.create(null);
  let room = mostBytes;
  const add = (name: string, value: unknown): void => {
    if (!isPlain(value) || name in variables) return;
    const text = String(value);
    const bytes = name.length + Buffer.byteLength(text) + 2;
    // A NUL makes spawn throw. One string of 131,072 bytes is E2BIG on Linux; the room is less than that.
    if (text.includes('\0') || bytes > room) return;
    room -= bytes;
    variables[name] = text;
  };
  add('MQ_EXCHANGE', fields.exchange);
  add('MQ_ROUTING_KEY', fields.routingKey);
  add('MQ_QUEUE', fields.queue);
  add('MQ_REDELIVERED', fields.redelivered);
  add('MQ_ATTEMPT', attempt);
  for (const [name, property] of propertyVariables) add(name, properties[property]);
  for (const [name, value] of Object.entries(headers)) {
    // ASCII first: ß and ı would become letters that pass.
    if (/^[A-Za-z0-9_.-]+$/.test(name)) add(`MQ_HEADER_${name.toUpperCase().replace(/[.-]/g, '_')}`, value);
  }
  // Not the worker's own: the child works for the sender of this message.
  return Object.assign(variables, traceVariables(traceOf(headers)));
}

const mostBytes = 64 * 1024;

const propertyVariables: readonly (readonly [string, keyof MessageProperties])[] = [
  ['MQ_MESSAGE_ID', 'messageId'],
  ['MQ_CORRELATION_ID', 'correlationId'],
  ['MQ_CONTENT_TYPE', 'contentType'],
  ['MQ_CONTENT_ENCODING', 'contentEncoding'],
  ['MQ_TYPE', 'type'],
  ['MQ_APP_ID', 'appId'],
  ['MQ_USER_ID', 'userId'],
  ['MQ_TIMESTAMP', 'timestamp'],
  ['MQ_PRIORITY', 'priority'],
  ['MQ_REPLY_TO', 'replyTo'],
  ['MQ_EXPIRATION', 'expiration'],
  ['MQ_DELIVERY_MODE', 'deliveryMode'],
];

function isPlain(value: unknown): value is string | number | bigint | boolean {
  return ['string', 'number', 'bigint', 'boolean'].includes(typeof value);
}

/** The whole message as one JSON object; the body as it is if it is UTF-8, else in Base64, and `encoding` says which. */
export function messageJson({ body, fields, properties, headers, attempt }: Message): Buffer {
  const encoding = isUtf8(body) ? 'utf8' : 'base64';
  const text = body.toString(encoding);
  return Buffer.from(
    JSON.stringify({ body: text, encoding, fields, properties, headers: plainHeaders(headers), attempt }),
  );
}

/**
 * Headers for JSON, which has no bytes (`{ base64 }` here) and no whole numbers over 2^53 (text here); a deep nest would end
 * the stack: below 64 levels there is null.
 */
export function plainHeaders(value: unknown, depth = 0): unknown {
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') };
  if (depth === deepest) return null;
  if (Array.isArray(value)) return value.map((item) => plainHeaders(item, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plainHeaders(item, depth + 1)]));
}

const deepest = 64;
