// Why something failed, in words for one line: of the operating system's errors, and of whatever user code throws.

import { systemWords } from '../errors.ts';

/** The system's words, or the error's own message where there are none. */
export function systemReason(error: unknown): string {
  return systemWords(error) ?? thrownReason(error);
}

/** Anything thrown, as one bounded line; never throws itself (a thrown value may have no string form). */
export function thrownReason(thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
    return oneLine(text.trim().slice(0, 2 * longest)).slice(0, longest) || 'an empty error';
  } catch {
    return 'an error that cannot be shown';
  }
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, (space) => (space.includes('\n') ? ' ' : space));
}

/** Characters. A reason travels in a header of the message, and all headers have to fit one frame. */
const longest = 1000;
