// When a long-lived process of --exec-lines is replaced: after so many messages, or when it holds so much memory.

import { bytesOf } from './bytes.ts';

export type RecycleLimit = { readonly messages: number } | { readonly bytes: number };

/** For texts: how a limit may be written. */
export const recycleForms = '1000 (messages) or 512MiB';

/** Returns the limit, or `undefined` if the text is not one. */
export function recycleLimit(text: string): RecycleLimit | undefined {
  const number = bytesOf(text);
  if (number === undefined || number < 1) return undefined;
  return /^\d+$/.test(text.trim()) ? { messages: number } : { bytes: number };
}
