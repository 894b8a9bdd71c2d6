// Converts strings from the environment to numbers and booleans: "${PREFETCH}" becomes a number in a field that accepts
// no strings. Durations with a unit ("30s") become numbers, which Rascal and the broker expect.

import { durationMs } from '../duration.ts';
import type { Field } from '../fields/field.ts';
import type { LocatedValue } from './item.ts';

/**
 * Returns the tree with durations converted to numbers. Strings that come from variables are converted to the type of
 * their field if possible.
 */
export function typed(item: LocatedValue, field: Field | undefined): LocatedValue {
  if (field === undefined) return item;
  if (item.kind === 'array') return { ...item, elements: item.elements.map((element) => typed(element, field.items)) };
  if (item.kind === 'object') {
    const fieldOf = (key: string) =>
      field.fields !== undefined && Object.hasOwn(field.fields, key) ? field.fields[key] : field.entries;
    return { ...item, entries: item.entries.map((one) => ({ ...one, value: typed(one.value, fieldOf(one.key)) })) };
  }
  if (item.kind !== 'string') return item;
  const milliseconds = field.unit && durationMs(item.value, field.unit);
  if (milliseconds !== undefined) {
    const { path, offset, written } = item;
    return { kind: 'number', value: field.unit === 's' ? milliseconds / 1000 : milliseconds, path, offset, written };
  }
  return item.value === item.written ? item : converted(item, field);
}

function converted(item: LocatedValue & { kind: 'string' }, { is }: Field): LocatedValue {
  const { path, offset, value, written } = item;
  if (is.includes('string') || is.includes('digits')) return item;
  if (is.includes('boolean') && (value === 'true' || value === 'false'))
    return { kind: 'boolean', value: value === 'true', path, offset, written };
  const isNumber = is.includes('integer') || is.includes('number');
  if (isNumber && /^-?\d+(\.\d+)?$/.test(value)) return { kind: 'number', value: Number(value), path, offset, written };
  return item;
}
