// Parses --rate: messages per second, minute or hour.

import type { Values } from './values.ts';

const perMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** Returns the milliseconds between two messages, or `undefined` for no limit. */
export function intervalOf(values: Values): number | undefined {
  const text = values.text('rate');
  if (text === undefined) return undefined;
  const [, digits = '', unit = 's'] = /^(\d{1,7}(?:\.\d{1,3})?)(?:\/([smh]))?$/.exec(text) ?? [];
  if (!(Number(digits) > 0))
    throw values.usage(
      `--rate must be a number of messages, at most 9999999, such as 10/s, 30/m or 5/h, not '${text}'`,
    );
  return (perMs[unit] ?? 1000) / Number(digits);
}
