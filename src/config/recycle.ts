// Parses the limit after which a long-lived --exec-lines process is replaced: a number of messages, or a memory size.

import { bytesOf } from './bytes.ts';

export type RecycleLimit = { readonly messages: number } | { readonly bytes: number };

/** Accepted forms of a limit, for messages and help. */
export const recycleForms = '1000 (messages) or 512MiB';

/** Returns the limit, or `undefined` if the text is not a limit. */
export function recycleLimit(text: string): RecycleLimit | undefined {
  const number = bytesOf(text);
  if (number === undefined || number < 1) return undefined;
  return /^\d+$/.test(text.trim()) ? { messages: number } : { bytes: number };
}
