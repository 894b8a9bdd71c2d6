// When a long-lived process of --exec-lines is replaced: after so many messages, or when it holds so much memory.

export type RecycleLimit = { readonly messages: number } | { readonly bytes: number };

/** For texts: how a limit may be written. */
export const recycleForms = '1000 (messages) or 512MB';

/** Returns the limit, or `undefined` if the text is not one. KB, MB and GB are powers of 1024. */
export function recycleLimit(text: string): RecycleLimit | undefined {
  const [, digits, unit] = /^([1-9]\d{0,8})(KB|MB|GB)?$/i.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  const number = Number(digits);
  return unit === undefined ? { messages: number } : { bytes: number * (bytes[unit.toUpperCase()] ?? 1) };
}

const bytes: Readonly<Record<string, number>> = { KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 };
