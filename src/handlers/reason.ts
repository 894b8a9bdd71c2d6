// Why something failed, in words for one line: of the operating system's errors, and of whatever user code throws.

import { systemWords } from '../errors.ts';

/** The system's words, or the error's own message where there are none. */
export function systemReason(error: unknown): string {
  return systemWords(error) ?? thrownReason(error);
}

/** Anything thrown, as one bounded line; never throws itself (a thrown value may have no string form). */
export function thrownReason(thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? thrown.message || thrown.name : textOf(thrown);
    return oneLine(text.trim().slice(0, 2 * longest)).slice(0, longest) || 'an empty error';
  } catch {
    return 'an error that cannot be shown';
  }
}

/** An object that is not an Error: its message, its own text, or its JSON. */
function textOf(thrown: unknown): string {
  const { message } = Object(thrown) as { message?: unknown };
  if (typeof message === 'string' && message !== '') return message;
  const text = String(thrown);
  return text.startsWith('[object ') ? (JSON.stringify(thrown) ?? text) : text;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, (space) => (space.includes('\n') ? ' ' : space));
}

/** Characters. A reason travels in a header of the message, and all headers have to fit one frame. */
const longest = 1000;
