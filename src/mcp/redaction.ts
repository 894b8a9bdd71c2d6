// Removes the values of named fields, and passwords, from what a tool returns.

import { isObject, type Plain } from '../config/plain.ts';

declare global {
  interface JSON {
    /** Exists since Node 21, but TypeScript's library does not declare it. */
    isRawJSON(value: unknown): boolean;
  }
}

/** Replaces a value. */
const removed = '***';
/** Replaces what may contain the value of a field. */
const withheld = '*** (not shown: it contains the name of a field of --redact)';

/** Replaces a body in which no name can be found. */
const notText = '*** (not shown: it is not text, and fields are redacted)';

/**
 * Returns a function that replaces what may contain the values of these fields in a value of JSON, at any depth, in any
 * spelling of upper and lower case, and also in JSON inside strings:
 * - the value of each field whose name contains one of the names;
 * - each text that contains one of the names, also percent-encoded or with escapes of JSON, and the list or object
 *   that the text is an item of;
 * - each body that is not text.
 * The value itself is a record of mq. It is not replaced as a whole.
 */
export function fieldRedactor(fields: readonly string[]): (value: unknown) => unknown {
  if (fields.length === 0) return (value) => value;
  const names = fields.map((field) => field.toLowerCase());
  const isNamed = (text: string): boolean => {
    const plain = unescaped(text).toLowerCase();
    return names.some((name) => plain.includes(name) || text.toLowerCase().includes(name));
  };
  const inText = (text: string): string => {
    const parsed = parsedJson(text);
    if (parsed === undefined) return isNamed(text) ? withheld : text;
    const redacted = inValue(parsed);
    if (redacted === withheld) return withheld;
    return JSON.stringify(redacted) === JSON.stringify(parsed) ? text : JSON.stringify(redacted);
  };
  const inObject = (object: Plain): Plain => {
    const isBinary = object['encoding'] === 'base64' && typeof object['body'] === 'string';
    return Object.fromEntries(
      Object.entries(object).map(([name, value]) => {
        if (isNamed(name)) return [name, removed];
        return [name, isBinary && name === 'body' ? notText : inValue(value)];
      }),
    );
  };
  const inValue = (value: unknown): unknown => {
    if (typeof value === 'string') return inText(value);
    if (Array.isArray(value)) return whole(value, value.map(inValue));
    return isObject(value) && !JSON.isRawJSON(value) ? whole(value, inObject(value)) : value;
  };
  return (value) => {
    try {
      return isObject(value) ? inObject(value) : inValue(value);
    } catch {
      // JSON that is nested thousands of times overflows the stack.
      return withheld;
    }
  };
}

/** Returns the redacted list or object. If one of its texts is withheld, the other items may be its value. */
function whole(before: object, after: object): unknown {
  const texts = Object.values(before);
  return Object.values(after).some((item, index) => item === withheld && typeof texts[index] === 'string')
    ? withheld
    : after;
}

/** Largest number of times that a text is decoded. One round decodes all levels of one encoding. */
const mostRounds = 4;

/** Returns a text without percent-encoding and without the escapes of JSON for characters, also where they are nested. */
export function unescaped(text: string): string {
  let plain = text;
  for (let round = 0; round < mostRounds; round += 1) {
    const before = plain;
    plain = plain
      .replace(/%(?:25)+(?=[0-9a-f]{2})/gi, '%')
      .replace(/(?:%[0-9a-f]{2})+/gi, (codes) => Buffer.from(codes.replaceAll('%', ''), 'hex').toString())
      .replace(/(?<!\\)\\+u([0-9a-f]{4})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
      .replace(/\\+(["\\/])/g, '$1');
    if (plain === before) break;
  }
  return plain;
}

/** Returns the JSON in the text, or `undefined` if it is not JSON. Throws RangeError if it is nested too deeply. */
function parsedJson(text: string): unknown {
  if (!/^\s*[[{"]/.test(text)) return undefined;
  try {
    return JSON.parse(text, unchanged);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Keeps the digits of a number that JavaScript would change. TypeScript's library lacks the third argument. */
function unchanged(_name: string, value: unknown, context?: { readonly source: string }): unknown {
  const isChanged = typeof value === 'number' && context !== undefined && String(value) !== context.source;
  return isChanged ? JSON.rawJSON(context.source) : value;
}

/**
 * Removes user and password from the addresses in a text. The length of both is limited, so that a text without an end
 * of an address is not searched again for each beginning.
 */
export function withoutLogins(text: string): string {
  return text.replace(/:\/\/[^\s"'<>\\/:@]{0,256}:[^\s"'<>\\]{0,512}@/g, `://${removed}@`);
}
