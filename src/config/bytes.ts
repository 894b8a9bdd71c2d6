// Sizes as people write them: `65536`, `512MiB`, `2GiB`. The units are those of RabbitMQ's configuration.

/** Bytes of each unit. */
const units = { KB: 1e3, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** For texts: how a size may be written. */
export const sizeForms = '65536, 512MiB or 2GiB';

/** Returns whole bytes, or `undefined` if the text is not a size. */
export function bytesOf(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,12})([KMG]i?B)?$/.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  return Number(digits) * (unit === undefined ? 1 : units[unit as keyof typeof units]);
}
