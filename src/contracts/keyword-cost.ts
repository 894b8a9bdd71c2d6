// Computes the number of steps that the keywords of one subschema need for a value, without its own subschemas.

import { isObject, type Plain } from '../config/plain.ts';

/** Steps of the smallest subschema. */
const base = 4;
/** Number of characters whose length is computed in one step. */
const charactersPerStep = 16;

const stringKeywords = ['minLength', 'maxLength'];
const listKeywords = ['items', 'contains', 'unevaluatedItems'];
const uniqueKeyword = 'uniqueItems';
const keyKeywords = [
  'additionalProperties',
  'patternProperties',
  'propertyNames',
  'unevaluatedProperties',
  'minProperties',
  'maxProperties',
];

/** Returns a function that returns the steps for a value. */
export function costOf(schema: Plain): (value: unknown) => number {
  const entries = Object.values(schema).map((value) => (isObject(value) ? Object.keys(value).length : length(value)));
  const fixed = base + entries.reduce((sum, count) => sum + count, 0);
  const has = (keywords: readonly string[]) => keywords.some((keyword) => schema[keyword] !== undefined);
  const perString = has(stringKeywords) ? 1 / charactersPerStep : 0;
  const perElement = has(listKeywords) ? 1 : 0;
  // Each key is compared with the names of `properties` and with the patterns.
  const perKey = has(keyKeywords) ? 1 + keyCount(schema['properties']) / 8 + keyCount(schema['patternProperties']) : 0;
  const isUnique = schema[uniqueKeyword] === true;
  if (perString === 0 && perElement === 0 && perKey === 0) return () => fixed;
  return (value) => {
    if (typeof value === 'string') return fixed + value.length * perString;
    if (typeof value !== 'object' || value === null) return fixed;
    if (Array.isArray(value)) return fixed + (isUnique ? 0 : value.length * perElement);
    return perKey === 0 ? fixed : fixed + Object.keys(value).length * perKey;
  };
}

function length(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function keyCount(value: unknown): number {
  return isObject(value) ? Object.keys(value).length : 0;
}
