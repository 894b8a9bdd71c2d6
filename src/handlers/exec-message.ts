// Passes a message to a child process: as MQ_* variables, and as JSON on descriptor 3. The content of a message is
// untrusted. Values that the system cannot pass are omitted; they are never cut and never cause an error.

import { isUtf8 } from 'node:buffer';
import { isPlainText } from '../session/byte-text.ts';
import { taggedFields, taggedProperties } from '../session/tagged-json.ts';
import { type TraceContext, traceOf } from '../tracing.ts';
import type { Message, MessageProperties } from './handler.ts';

type Environment = Record<string, string>;

/**
 * Returns the message as MQ_* variables: its delivery fields, its properties, its trace, and the headers that are
 * strings, numbers or booleans. The total size is at most 64 KiB; further variables are omitted, and descriptor 3 has
 * them.
 */
export function messageVariables({ fields, properties, headers, attempt }: Message): Environment {
  const variables: Environment = Object.create(null);
  let room = mostBytes;
  const add = (name: string, value: unknown): void => {
    if (!isPlain(value) || name in variables) return;
    const text = String(value);
    const bytes = name.length + Buffer.byteLength(text) + 2;
    // `spawn` throws if a value contains a NUL byte. On Linux, a string of 131,072 bytes fails with E2BIG; the limit is
    // below that. Node cannot pass bytes that are not UTF-8.
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
  // Headers are sorted by name, because an AMQP table has no order. If two headers map to one variable, the first one
  // is used.
  for (const name of Object.keys(headers).sort()) {
    // Only ASCII names are accepted: toUpperCase would turn ß and ı into letters that the check allows.
    if (/^[A-Za-z0-9_.-]+$/.test(name)) add(`MQ_HEADER_${name.toUpperCase().replace(/[.-]/g, '_')}`, headers[name]);
  }
  // The child gets the message's trace, not the worker's, because it works for the sender of this message.
  return Object.assign(variables, traceVariables(traceOf(headers)));
}

/** Returns the variables that pass the trace to a child. */
function traceVariables(trace: TraceContext | undefined): Environment {
  if (!trace) return {};
  const { traceparent, tracestate } = trace;
  return { TRACEPARENT: traceparent, ...(tracestate !== undefined && { TRACESTATE: tracestate }) };
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
 * Returns the whole message as one JSON object. `encoding` is "utf8" or "base64". Values that JSON cannot express are
 * tagged, see tagged-json.ts.
 */
export function messageJson(message: Message): Buffer {
  return Buffer.from(JSON.stringify({ ...messageParts(message), attempt: message.attempt }));
}

/** Returns the object of `messageJson` without the attempt, for JSON.stringify. */
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
