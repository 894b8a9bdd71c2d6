// What a child is told of its message: MQ_* variables, and the JSON on descriptor 3.
// Everything of the message is hostile: whatever the system could not take is left out, never cut and never thrown.

import { isUtf8 } from 'node:buffer';
import { isPlainText } from '../session/byte-text.ts';
import { taggedFields, taggedProperties } from '../session/tagged-json.ts';
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
    // Node cannot pass bytes that are not UTF-8.
    if (text.includes('\0') || bytes > room || !isPlainText(text)) return;
    room -= bytes;
    variables[name] = text;
  };
  add('MQ_EXCHANGE', fields.exchange);
  add('MQ_ROUTING_KEY', fields.routingKey);
  add('MQ_QUEUE', fields.queue);
  add('MQ_REDELIVERED', fields.redelivered);
  add('MQ_ATTEMPT', attempt);
  for (const [name, property] of propertyVariables) add(name, properties[property]);
  // In the order of their names: a table of AMQP has none, and of two headers with one variable the first has it.
  for (const name of Object.keys(headers).sort()) {
    // ASCII first: ß and ı would become letters that pass.
    if (/^[A-Za-z0-9_.-]+$/.test(name)) add(`MQ_HEADER_${name.toUpperCase().replace(/[.-]/g, '_')}`, headers[name]);
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

/**
 * The whole message as one JSON object. `encoding` says whether the body is text or base64. What JSON cannot express is
 * tagged, see tagged-json.ts.
 */
export function messageJson(message: Message): Buffer {
  return Buffer.from(JSON.stringify({ ...messageParts(message), attempt: message.attempt }));
}

/** The same without the attempt, for JSON.stringify. */
export function messageParts({ body, fields, properties, headers }: Message): Record<string, unknown> {
  const encoding = isUtf8(body) ? 'utf8' : 'base64';
  return {
    body: body.toString(encoding),
    encoding,
    fields: taggedFields(fields),
    properties: taggedProperties(properties),
    headers: taggedFields(headers),
  };
}
