// Compares the keywords of numbers and strings, and those that name values and types.

import { isDeepStrictEqual } from 'node:util';
import { listOf } from '../../config/plain.ts';
import { isMultiple } from '../multiple-of.ts';
import { keywordsOf } from '../schema-node.ts';
import {
  type Finding,
  numbersAt,
  onlyInWide,
  type Place,
  refused,
  shortJson,
  undecided,
  valuesAt,
} from './comparison.ts';
import { commonTypes, type TypeName, typeNames } from './facts.ts';
import { isMatch } from './name-pattern.ts';

/** Returns the findings of a keyword whose value is the second argument. */
type Check = (place: Place, limit: unknown) => Finding[];

export const scalarChecks: Readonly<Record<string, Check>> = {
  type: checkType,
  enum: (place, values) => checkValues(place, 'enum', listOf(values)),
  const: (place, value) => checkValues(place, 'const', [value]),
  minimum: (place, limit) => checkBound(place, 'minimum', limit),
  exclusiveMinimum: (place, limit) => checkBound(place, 'exclusiveMinimum', limit),
  maximum: (place, limit) => checkBound(place, 'maximum', limit),
  exclusiveMaximum: (place, limit) => checkBound(place, 'exclusiveMaximum', limit),
  multipleOf: checkMultiple,
  minLength: (place, limit) => checkLength(place, 'minLength', limit),
  maxLength: (place, limit) => checkLength(place, 'maxLength', limit),
  pattern: checkPattern,
  format: checkFormat,
};

function checkType(place: Place, names: unknown): Finding[] {
  const permitted = new Set(typeNames.filter((name) => listOf(names).includes(name)));
  const refusedTypes = [...place.facts.types].filter((name) => !isPermitted(name, permitted));
  if (refusedTypes.length === 0) return [];
  if (refusedTypes.length > 4)
    return [refused(place, 'type', `values of other types than ${[...permitted].join(', ')}`)];
  if (refusedTypes.length === 1 && refusedTypes[0] === 'number' && permitted.has('integer')) {
    const isWhole = numbersAt(place.facts, 'multipleOf').some((one) => one > 0 && Number.isInteger(one));
    return isWhole ? [] : [refused(place, 'type', 'numbers with a fraction')];
  }
  return [refused(place, 'type', `values of type ${refusedTypes.join(', ')}`)];
}

function isPermitted(name: TypeName, permitted: ReadonlySet<TypeName>): boolean {
  return permitted.has(name) || (name === 'integer' && permitted.has('number'));
}

/** `enum` and `const` of a limited number of values are compared value by value before this. */
function checkValues(place: Place, keyword: string, permitted: readonly unknown[]): Finding[] {
  const { values } = place.facts;
  const isIn = (value: unknown) => permitted.some((one) => isDeepStrictEqual(one, value));
  if (values === undefined) {
    const [list, more] = [permitted.slice(0, 4).map(shortJson).join(', '), permitted.length > 4 ? ', ...' : ''];
    return [refused(place, keyword, `values other than ${list}${more}`)];
  }
  const other = values.filter((value) => !isIn(value));
  return other.length === 0 ? [] : [refused(place, keyword, other.map(shortJson).join(', '))];
}

/** Keywords of a bound: the inclusive and the exclusive one, and the comparison that makes a bound stricter. */
const bounds = {
  low: { inclusive: 'minimum', exclusive: 'exclusiveMinimum', sign: 1, word: 'less' },
  high: { inclusive: 'maximum', exclusive: 'exclusiveMaximum', sign: -1, word: 'greater' },
} as const;

function checkBound(place: Place, keyword: string, limit: unknown): Finding[] {
  if (typeof limit !== 'number' || !hasNumbers(place)) return [];
  const { inclusive, exclusive, sign, word } = /minimum$/i.test(keyword) ? bounds.low : bounds.high;
  const isExclusive = keyword === exclusive;
  const isImplied =
    isImpliedForIntegers(place, keyword, limit) ||
    numbersAt(place.facts, inclusive).some((one) =>
      isExclusive ? sign * one > sign * limit : sign * one >= sign * limit,
    ) ||
    numbersAt(place.facts, exclusive).some((one) => sign * one >= sign * limit);
  if (isImplied) return [];
  return [refused(place, keyword, `numbers ${word} than ${isExclusive ? 'or equal to ' : ''}${limit}`)];
}

/** Compares a bound of integers: more than 0 is the same as at least 1. */
function isImpliedForIntegers({ facts }: Place, keyword: string, limit: number): boolean {
  const isWhole = numbersAt(facts, 'multipleOf').some((one) => one > 0 && Number.isInteger(one));
  if (facts.types.has('number') && !isWhole) return false;
  const { inclusive, exclusive, sign } = /minimum$/i.test(keyword) ? bounds.low : bounds.high;
  const least = (bound: number, isExclusive: boolean) =>
    isExclusive ? Math.floor(sign * bound) + 1 : Math.ceil(sign * bound);
  const own = [
    ...numbersAt(facts, inclusive).map((bound) => least(bound, false)),
    ...numbersAt(facts, exclusive).map((bound) => least(bound, true)),
  ];
  const needed = least(limit, keyword === exclusive);
  return own.some((one) => Number.isSafeInteger(one) && Number.isSafeInteger(needed) && one >= needed);
}

function checkMultiple(place: Place, divisor: unknown): Finding[] {
  if (typeof divisor !== 'number' || !hasNumbers(place)) return [];
  const own = numbersAt(place.facts, 'multipleOf');
  const steps = place.facts.types.has('number') ? own : [1, ...own];
  if (steps.some((step) => isMultiple(step, divisor))) return [];
  return [refused(place, 'multipleOf', `numbers that are not multiples of ${divisor}`)];
}

function hasNumbers({ facts }: Place): boolean {
  return commonTypes(facts.types, new Set(['number'])).size > 0;
}

function checkLength(place: Place, keyword: 'minLength' | 'maxLength', limit: unknown): Finding[] {
  if (typeof limit !== 'number' || !place.facts.types.has('string')) return [];
  const own = numbersAt(place.facts, keyword);
  const isMin = keyword === 'minLength';
  if ((isMin && limit <= 0) || own.some((one) => (isMin ? one >= limit : one <= limit))) return [];
  return [refused(place, keyword, `strings ${isMin ? 'shorter' : 'longer'} than ${limit} characters`)];
}

function checkPattern(place: Place, pattern: unknown): Finding[] {
  const { types, values } = place.facts;
  if (!types.has('string') || valuesAt(place.facts, 'pattern').includes(pattern)) return [];
  if (values !== undefined) return values.flatMap((value) => checkMatch(place, String(pattern), value));
  const isLimited = place.facts.flat.some((node) => ['pattern', 'format'].some((key) => key in keywordsOf(node)));
  return [
    isLimited
      ? onlyInWide(place, 'pattern', `the pattern ${shortJson(pattern)}`, 'two patterns cannot be compared')
      : refused(place, 'pattern', `strings that do not match ${pattern}`),
  ];
}

function checkMatch(place: Place, pattern: string, value: unknown): Finding[] {
  const matches = typeof value === 'string' ? isMatch(pattern, value) : true;
  if (matches === undefined) return [undecided(place, 'pattern')];
  return matches ? [] : [refused(place, 'pattern', shortJson(value))];
}

/** Validators may ignore `format`, as mq does. */
function checkFormat(place: Place, format: unknown): Finding[] {
  if (!place.facts.types.has('string') || valuesAt(place.facts, 'format').includes(format)) return [];
  return [onlyInWide(place, 'format', `the format ${shortJson(format)}`, 'validators may check or ignore it')];
}
