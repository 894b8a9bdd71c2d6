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
/** Replaces a text in which the fields cannot be found. */
const withheld = '*** (not shown: mq cannot find the fields of --redact in it)';

/**
 * Returns a function that replaces the values of these fields in a value of JSON, at any depth and in any spelling of
 * upper and lower case. A string that contains JSON is searched, too. A string that is not JSON is replaced as a whole
 * if it contains the name of a field and a value, and so is a body that is not text.
 */
export function fieldRedactor(fields: readonly string[]): (value: unknown) => unknown {
  if (fields.length === 0) return (value) => value;
  const names = new Set(fields.map((field) => field.toLowerCase()));
  // `password: x`, `password=x`, `"password":"x"` in a text, and `<password>x`.
  const pattern = new RegExp(`(?:${fields.map(RegExp.escape).join('|')})["'\\s\\\\]{0,8}[:=>]`, 'i');
  const inText = (text: string): string => {
    const parsed = parsedJson(text);
    if (parsed === undefined) return pattern.test(text) ? withheld : text;
    const redacted = inValue(parsed);
    return JSON.stringify(redacted) === JSON.stringify(parsed) ? text : JSON.stringify(redacted);
  };
  const inObject = (object: Plain): Plain => {
    const isBinary = object['encoding'] === 'base64' && typeof object['body'] === 'string';
    return Object.fromEntries(
      Object.entries(object).map(([name, value]) => {
        if (names.has(name.toLowerCase())) return [name, removed];
        return [name, isBinary && name === 'body' ? withheld : inValue(value)];
      }),
    );
  };
  const inValue = (value: unknown): unknown => {
    if (typeof value === 'string') return inText(value);
    if (Array.isArray(value)) return value.map(inValue);
    return isObject(value) && !JSON.isRawJSON(value) ? inObject(value) : value;
  };
  return (value) => {
    try {
      return inValue(value);
    } catch {
      // JSON that is nested thousands of times overflows the stack.
      return withheld;
    }
  };
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
