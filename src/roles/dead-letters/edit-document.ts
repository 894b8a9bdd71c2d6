// Converts a dead letter to the text that mq dlq edit opens in an editor, and back: the headers as JSON, a separator, and
// the body. A body that is not text is in base64.

import { isObject } from '../../config/plain.ts';
import { MqError } from '../../errors.ts';
import { taggedFields, valueOfJson } from '../../session/tagged-json.ts';
import type { RawMessage } from '../../session/wire.ts';
import { utf8 } from '../message.ts';
import { withoutDeadLetterHeaders } from './dead-letter.ts';

const separators = { text: '--- body ---', base64: '--- body in base64 ---' };
/** Characters in a line of base64 (RFC 2045, 6.8). */
const lineLength = 76;

/** Returns the text for the editor. `target` describes where the letter goes. */
export function documentOf({ properties: { headers = {} }, content }: RawMessage, target: string): Buffer {
  const help = [
    '# The headers (JSON) and the body of a dead letter. When you save and quit, mq sends it',
    `# to ${target.replace(/\s/g, ' ')}, and removes it here. Without a change, nothing happens.`,
  ];
  const own = JSON.stringify(taggedFields(withoutDeadLetterHeaders(headers, false)), undefined, 2);
  const isText = isEditable(content);
  const start = [...help, own, isText ? separators.text : separators.base64, ''].join('\n');
  // An editor ends the last line. The newline at the end is therefore not part of the body.
  return Buffer.concat([Buffer.from(start), isText ? content : Buffer.from(base64Lines(content)), Buffer.from('\n')]);
}

export interface EditedLetter {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/**
 * Parses the text after the editor has ended.
 * @throws {MqError} BAD_DATA with the reason
 */
export function editedLetterOf(document: Buffer): EditedLetter {
  const { head, rest, isText } = split(document);
  return { headers: headersOf(head), body: isText ? withoutLastNewline(rest) : base64Of(rest) };
}

function split(document: Buffer): { head: string; rest: Buffer; isText: boolean } {
  for (let start = 0; start < document.length; ) {
    const newline = document.indexOf(0x0a, start);
    const end = newline === -1 ? document.length : newline;
    const line = document.subarray(start, end).toString().trimEnd();
    if (line === separators.text || line === separators.base64)
      return {
        head: document.subarray(0, start).toString(),
        rest: document.subarray(end + 1),
        isText: line === separators.text,
      };
    start = end + 1;
  }
  throw new MqError('BAD_DATA', `the line '${separators.text}' is missing`);
}

function headersOf(head: string): Readonly<Record<string, unknown>> {
  const json = head.replace(/^(#.*\r?\n)*/, '');
  let value: unknown;
  try {
    value = valueOfJson(json.trim() === '' ? '{}' : json);
  } catch (error) {
    throw new MqError('BAD_DATA', `the headers are not valid: ${error instanceof Error ? error.message : error}`);
  }
  if (!isObject(value) || '!' in value) throw new MqError('BAD_DATA', 'the headers are not a JSON object');
  return value;
}

/** Reports whether an editor shows the body as it is. NUL and invalid UTF-8 do not survive most editors. */
function isEditable(body: Buffer): boolean {
  return !body.includes(0) && utf8(body) !== undefined;
}

function base64Lines(body: Buffer): string {
  return (body.toString('base64').match(new RegExp(`.{1,${lineLength}}`, 'g')) ?? []).join('\n');
}

function base64Of(text: Buffer): Buffer {
  const base64 = text.toString().replace(/\s/g, '');
  const body = Buffer.from(base64, 'base64');
  if (body.toString('base64') !== base64) throw new MqError('BAD_DATA', 'the body is not valid base64');
  return body;
}

function withoutLastNewline(body: Buffer): Buffer {
  return body.at(-1) === 0x0a ? body.subarray(0, -1) : body;
}
