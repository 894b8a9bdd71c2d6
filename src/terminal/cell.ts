// Formats one value for a table.

import { escaped, safeJson } from '../errors.ts';

/** Returns one line without control characters. A missing or empty value is an empty string. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return escaped(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.map(cellText).join(',');
  return Object.keys(value).length === 0 ? '' : safeJson(value);
}
