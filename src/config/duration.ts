// Parses durations such as `500ms`, `30s`, `5m`, `1h` or `7d`. The option or field documents the unit of a bare number.

/** Number of milliseconds in each unit. */
const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export type DurationUnit = keyof typeof units;

/** Examples of durations for error messages. */
export const durationExamples = '500ms, 30s, 5m or 1h';

/**
 * Returns whole milliseconds, or `undefined` if the text is not a duration.
 * @param bare unit of a number that has none
 */
export function durationMs(text: string, bare: DurationUnit): number | undefined {
  const [, digits, unit = bare] = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)?$/.exec(text.trim()) ?? [];
  const factor = new Map(Object.entries(units)).get(unit);
  return digits === undefined || factor === undefined ? undefined : Math.round(Number(digits) * factor);
}

/** Returns the duration in the most readable unit: `250 ms`, `1.5 s`, `10 min`, `2 h`. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 120_000) return `${Math.round(milliseconds / 100) / 10} s`;
  if (milliseconds < 2 * units.h) return `${Math.round(milliseconds / 6000) / 10} min`;
  return `${Math.round(milliseconds / 360_000) / 10} h`;
}
