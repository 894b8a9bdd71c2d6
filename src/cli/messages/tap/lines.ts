// Formats tapped messages: one line of text, or one JSON object in the form of `--json` of a role.

import { messageParts } from '../../../handlers/exec-message.ts';
import { utf8 } from '../../../roles/message.ts';
import type { RawMessage } from '../../../session/wire.ts';
import type { Exchanged } from './replies.ts';
import type { SeenMessage } from './watch.ts';

/** Maximum number of characters of a body in a line of text. */
const mostCharacters = 500;

/** Returns the object that JSON.stringify prints. */
export function exchangedJson({ message, reply }: Exchanged): object {
  if (reply === undefined) return messageJson(message);
  if (reply === null) return { ...messageJson(message), reply: null };
  const milliseconds = Math.round(reply.elapsedMs * 1000) / 1000;
  return { ...messageJson(message), reply: messageJson(reply.message), milliseconds };
}

function messageJson({ raw, time, trace }: SeenMessage): object {
  const { headers = {}, unreadable: _, ...properties } = raw.properties;
  const { exchange, routingKey, redelivered } = raw.fields;
  const fields = { exchange, routingKey, redelivered, queue: '' };
  return {
    time: new Date(time).toISOString(),
    ...messageParts({ body: raw.content, fields, properties, headers, attempt: 1 }),
    ...(trace && { trace }),
  };
}

/** Returns a line: time, exchange, routing key and body; for a request also the reply and the time until it. */
export function exchangedText({ message, reply }: Exchanged): string {
  const { raw, time, trace } = message;
  const { exchange, routingKey } = raw.fields;
  const place = `${shown(exchange)} ${shown(routingKey)}`;
  const lost = trace !== undefined && trace.routedQueues.length === 0 ? '  (no queue)' : '';
  const line = `${new Date(time).toISOString()}  ${place}  ${bodyText(raw)}${lost}`;
  if (reply === undefined) return line;
  if (reply === null) return `${line}  → no reply`;
  return `${line}  → ${bodyText(reply.message.raw)}  ${reply.elapsedMs.toFixed(1)} ms`;
}

/** An empty name would shift the columns. */
function shown(name: string): string {
  return name === '' ? '""' : name;
}

function bodyText({ content }: RawMessage): string {
  const bytes = content.length;
  // A character has at most four bytes.
  const isCut = bytes > mostCharacters * 4;
  const text = utf8(isCut ? content.subarray(0, completeEnd(content, mostCharacters * 4)) : content);
  if (text === undefined)
    return `(base64) ${content.subarray(0, mostCharacters).toString('base64')}${sizeText(bytes > mostCharacters, bytes)}`;
  return text.slice(0, mostCharacters) + sizeText(isCut || text.length > mostCharacters, bytes);
}

function sizeText(isCut: boolean, bytes: number): string {
  return isCut ? `… (${bytes} bytes)` : '';
}

/** Returns the end of the last complete UTF-8 character before `end`. */
function completeEnd(content: Buffer, end: number): number {
  let at = end;
  while (at > end - 4 && ((content[at] ?? 0) & 0xc0) === 0x80) at -= 1;
  return at;
}
