// Formats the reason of a failure as one line: errors of the operating system, and anything that user code throws.

import { systemWords } from '../errors.ts';

/** Returns the operating system's text for the error. For other errors, returns the error's own message. */
export function systemReason(error: unknown): string {
  return systemWords(error) ?? thrownReason(error);
}

/** Returns a thrown value as one line of limited length. Never throws, even if the value has no string form. */
export function thrownReason(thrown: unknown): string {
  try {
    const text = thrown instanceof Error ? thrown.message || thrown.name : textOf(thrown);
    return oneLine(text.trim().slice(0, 2 * longest)).slice(0, longest) || 'an empty error';
  } catch {
    return 'an error that cannot be shown';
  }
}

/** Returns the text of an object that is not an Error: its message, its string form, or its JSON. */
function textOf(thrown: unknown): string {
  const { message }: { message?: unknown } = Object(thrown);
  if (typeof message === 'string' && message !== '') return message;
  const text = String(thrown);
  return text.startsWith('[object ') ? (JSON.stringify(thrown) ?? text) : text;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, (space) => (space.includes('\n') ? ' ' : space));
}

/** Maximum length of a reason in characters. Reasons become message headers, and headers must fit into one frame. */
const longest = 1000;
