// Parses the body of a message as JSON. Its size and depth are limited, because the parser and the checks need time and stack
// for them.

import { isUtf8 } from 'node:buffer';

/** RabbitMQ's default for max_message_size. */
const mostBytes = 16 * 1024 * 1024;
export const mostDepth = 512;

/** Returns the value of a body, or the reason why it has none. */
export function parseBody(body: Buffer): { readonly value: unknown } | { readonly fault: string } {
  if (body.length > mostBytes) return { fault: `the body has ${body.length} bytes, and a check accepts ${mostBytes}` };
  if (!isUtf8(body)) return { fault: 'the body is not JSON: it is not UTF-8' };
  // Two bytes for each level are needed, so a small body cannot be too deep.
  if (body.length > 2 * mostDepth && isTooDeep(body))
    return { fault: `the body is nested deeper than ${mostDepth} levels` };
  try {
    return { value: JSON.parse(body.toString()) };
  } catch {
    return { fault: body.length === 0 ? 'the body is empty, and not JSON' : 'the body is not JSON' };
  }
}

const [quote, backslash, openList, closeList, openObject, closeObject] = Buffer.from('"\\[]{}');

/** Reports whether the brackets outside strings are nested deeper than the limit. */
function isTooDeep(body: Buffer): boolean {
  let depth = 0;
  let isInString = false;
  for (let index = 0; index < body.length; index++) {
    const byte = body[index];
    if (isInString) {
      if (byte === backslash) index += 1;
      else if (byte === quote) isInString = false;
    } else if (byte === quote) isInString = true;
    else if (byte === openList || byte === openObject) {
      depth += 1;
      if (depth > mostDepth) return true;
    } else if (byte === closeList || byte === closeObject) depth -= 1;
  }
  return false;
}
