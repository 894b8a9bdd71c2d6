// Parses times with a zone, and durations such as `500ms`, `30s`, `5m`, `1h` or `7d`. The option or field documents the unit of a bare number.

/** Number of milliseconds in each unit. */
const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

export type DurationUnit = keyof typeof units;

/** Examples of durations for error messages. */
export const durationExamples = '500ms, 30s, 5m or 1h';

/**
 * Returns whole milliseconds, or `undefined` if the text is not a duration, or has a part of a millisecond.
 * @param bare unit of a number that has none
 */
export function durationMs(text: string, bare: DurationUnit): number | undefined {
  const [, digits, unit = bare] = /^(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)?$/.exec(text.trim()) ?? [];
  const factor = new Map(Object.entries(units)).get(unit);
  if (digits === undefined || factor === undefined || (unit === 'ms' && /\.\d*[1-9]/.test(digits))) return undefined;
  return Math.round(Number(digits) * factor);
}

/** Returns the duration in the most readable unit: `250 ms`, `1.5 s`, `10 min`, `2 h`. */
export function durationText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 120_000) return `${Math.round(milliseconds / 100) / 10} s`;
  if (milliseconds < 2 * units.h) return `${Math.round(milliseconds / 6000) / 10} min`;
  return `${Math.round(milliseconds / 360_000) / 10} h`;
}

/**
 * Returns milliseconds since 1970 of a date, a time and a zone (RFC 3339, 5.6), or `undefined` if there is no such time. JavaScript reads 30 February as 2 March, and 24:00 as
 * the next day.
 */
export function timeMs(text: string): number | undefined {
  const [, local = '', zone = ''] = /^(.*\d)(Z|[+-]\d\d:\d\d)$/i.exec(text.replace(' ', 'T').toUpperCase()) ?? [];
  const [wall, due] = [Date.parse(`${local}Z`), Date.parse(local + zone)];
  if (Number.isNaN(wall) || Number.isNaN(due)) return undefined;
  return new Date(wall).toISOString().startsWith(local.slice(0, 'YYYY-MM-DDTHH:MM'.length)) ? due : undefined;
}
