// Parses sizes such as `65536`, `512MiB` or `2GiB`. The units are those of RabbitMQ's configuration.

/** Number of bytes in each unit. */
const units: Readonly<Record<string, number>> = {
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** Examples of sizes, for messages. */
export const sizeForms = '65536, 512MiB or 2GiB';

/** Returns the number of bytes, or `undefined` if the text is not a size. */
export function bytesOf(text: string): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,12})([KMG]i?B)?$/.exec(text.trim()) ?? [];
  return digits === undefined ? undefined : Number(digits) * (units[unit] ?? 1);
}

/** Limit after which a long-lived --exec-lines process is replaced. */
export type RecycleLimit = { readonly messages: number } | { readonly bytes: number };

/** Accepted forms of a limit, for messages and help. */
export const recycleForms = 'a number of messages (1000) or a size (512MiB)';

/** Returns the limit, or `undefined` if the text is not a limit. */
export function recycleLimit(text: string): RecycleLimit | undefined {
  const number = bytesOf(text);
  if (number === undefined || number < 1) return undefined;
  return /^\d+$/.test(text.trim()) ? { messages: number } : { bytes: number };
}
