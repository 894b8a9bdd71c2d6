// Checks the form of each single value against the table of fields. Checks that need several values are in the other
// files of this folder.

import { addressFault } from '../address.ts';
import type { Field, Kind } from '../fields/field.ts';
import type { LocatedValue } from '../reading/item.ts';
import { didYouMean, type Finding, quote } from '../reading/problem.ts';

/** Returns all problems of a value that does not match its field. They have no particular order. */
export function checkShape(item: LocatedValue, field: Field): Finding[] {
  const fault = faultOf(item, field);
  if (fault !== undefined) return [{ code: fault.code, path: item.path, offset: item.offset, message: fault.message }];
  if (item.kind === 'array') return checkArray(item, field);
  if (item.kind === 'object') return checkObject(item, field);
  return [];
}

function checkArray(item: LocatedValue & { kind: 'array' }, { items, minItems = 0 }: Field): Finding[] {
  if (item.elements.length < minItems) {
    return [{ code: 'value', path: item.path, offset: item.offset, message: 'must not be empty' }];
  }
  return items === undefined ? [] : item.elements.flatMap((element) => checkShape(element, items));
}

function checkObject(item: LocatedValue & { kind: 'object' }, field: Field): Finding[] {
  const { fields = {}, entries, open, required = [], keyBytes, oneLine } = field;
  const free = open === true || (field.fields === undefined && entries === undefined);
  const findings = item.entries.flatMap(({ key, keyOffset, value }): Finding[] => {
    const known = Object.hasOwn(fields, key) ? fields[key] : entries;
    const at = { path: value.path, offset: keyOffset };
    if (known === undefined) {
      if (free) return [];
      return [{ code: 'unknown-key', ...at, message: `unknown key${didYouMean(key, Object.keys(fields))}` }];
    }
    const found = checkShape(value, known);
    if (keyBytes !== undefined && Buffer.byteLength(key) > keyBytes) {
      found.push({ code: 'value', ...at, message: `the name is longer than ${keyBytes} bytes` });
    }
    if (oneLine && hasLineBreak(key)) found.push({ code: 'value', ...at, message: `the name ${lineBreak}` });
    return found;
  });
  for (const key of required) {
    if (item.entries.some((entry) => entry.key === key)) continue;
    findings.push({ code: 'missing', path: item.path, offset: item.offset, message: `${quote(key)} is missing` });
  }
  return findings;
}

type Fault = Pick<Finding, 'code' | 'message'>;

function faultOf(item: LocatedValue, field: Field): Fault | undefined {
  if (field.is.length === 0) return undefined;
  if (!field.is.some((kind) => isOf(item, kind))) {
    const shown = field.secret ? '' : ` (not ${shownValue(item)})`;
    return { code: 'type', message: `must be ${expectation(field)}${shown}` };
  }
  if (item.kind === 'string') return stringFault(item, field);
  if (item.kind === 'number') return rangeFault(item.value, field, shownValue(item));
  return undefined;
}

function stringFault(item: LocatedValue & { kind: 'string' }, field: Field): Fault | undefined {
  const { values, prefix, maxBytes, oneLine, url } = field;
  if (url === true && item.value !== '') {
    const fault = addressFault(item.value);
    return fault === undefined ? undefined : { code: 'value', message: fault };
  }
  const fault = field.fault?.(item.value);
  if (fault !== undefined) return { code: 'value', message: fault };
  if (field.is.includes('digits') && !field.is.includes('string'))
    return rangeFault(Number(item.value), field, item.value === item.written ? item.value : quote(item.written));
  if (maxBytes !== undefined && Buffer.byteLength(item.value) > maxBytes) {
    return { code: 'value', message: `is longer than ${maxBytes} bytes` };
  }
  if (oneLine && hasLineBreak(item.value)) return { code: 'value', message: lineBreak };
  if (values === undefined || values.includes(item.value)) return undefined;
  if (prefix !== undefined && item.value.startsWith(prefix)) return undefined;
  const hint = item.value === item.written ? didYouMean(item.value, values) : '';
  const shown = field.secret ? '' : `, not ${quote(item.written)}`;
  return { code: 'value', message: `must be ${expectation(field)}${shown}${hint}` };
}

const lineBreak = 'contains a line break, which RabbitMQ removes';

function hasLineBreak(name: string): boolean {
  return /[\r\n]/.test(name);
}

function rangeFault(value: number, field: Field, written: string): Fault | undefined {
  if (Number.isFinite(value) && value >= (field.min ?? -Infinity) && value <= (field.max ?? Infinity)) return undefined;
  const shown = field.secret ? '' : `, not ${written}`;
  return { code: 'value', message: `must be ${expectation(field)}${shown}` };
}

function isOf(item: LocatedValue, kind: Kind): boolean {
  if (kind === 'digits') return item.kind === 'string' && /^\d{1,15}$/.test(item.value);
  if (kind === 'integer') return item.kind === 'number' && Number.isSafeInteger(item.value);
  return item.kind === kind;
}

function shownValue(item: LocatedValue): string {
  if (item.kind === 'array') return 'a list';
  if (item.kind === 'object') return 'an object';
  // The value is shown as written in the file, so that values of environment variables stay hidden.
  if (item.kind === 'null') return 'null';
  return item.written === undefined ? String(item.value) : quote(item.written);
}

function expectation({ is, values, prefix, min, max, unit }: Field): string {
  if (values !== undefined && is.length === 1) {
    const all = prefix === undefined ? values : [...values, `${prefix}…`];
    return all.length === 1 ? `${all[0]}` : `${all.slice(0, -1).join(', ')} or ${all.at(-1)}`;
  }
  const limits =
    min !== undefined && max !== undefined ? ` from ${min} to ${max}` : min !== undefined ? ` of ${min} or more` : '';
  const longest = unit === 'ms' && max !== undefined ? ` up to ${Math.floor(max / 8_640_000) / 10} days` : '';
  const words: Readonly<Record<Kind, string>> = {
    string: 'a string',
    digits: '',
    integer: `a whole number${limits}${unit ? ` (${unit}), or a duration such as "30s"${longest}` : ''}`,
    number: `a number${limits}`,
    boolean: 'true or false',
    array: 'a list',
    object: 'an object',
  };
  return is
    .map((kind) => words[kind])
    .filter((word) => word !== '')
    .join(', or ');
}
