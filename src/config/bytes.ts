// Parses sizes such as `65536`, `512MiB` or `2GiB`. The units are those of RabbitMQ's configuration.

/** Number of bytes in each unit. */
const units = { KB: 1e3, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** Accepted forms of a size, for messages and help. */
export const sizeForms = '65536, 512MiB or 2GiB';

/** Returns a whole number of bytes, or `undefined` if the text is not a size. */
export function bytesOf(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,12})([KMG]i?B)?$/.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * (unit === undefined ? 1 : units[unit as keyof typeof units]);
}
