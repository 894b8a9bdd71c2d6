// Compares narrower schemas with a wider one: which values do the first accept and the second refuse?

import { isDeepStrictEqual } from 'node:util';
import { without } from '../../config/plain.ts';
import { childrenOf, keywordsOf, referencedBy, type SchemaNode } from '../schema-node.ts';
import { arrayChecks, compareItems, itemKeywords } from './arrays.ts';
import { branchChecks } from './branches.ts';
import { type Compare, type Finding, type Place, refused, shortJson, undecided } from './comparison.ts';
import { derived, type Facts, factsOf, isExact, type Nodes, schemaOfValue, typeNames } from './facts.ts';
import { compareProperties, objectChecks, propertyKeywords } from './objects.ts';
import { constraintsOf, isSame } from './same.ts';
import { scalarChecks } from './scalars.ts';

const checks: Readonly<Record<string, (place: Place, value: unknown) => Finding[]>> = {
  ...scalarChecks,
  ...arrayChecks,
  ...objectChecks,
  ...branchChecks,
  $ref: checkReference,
  allOf: ({ facts, wide, path, compare }) =>
    childrenOf(wide, 'allOf').flatMap(([, child]) => compare(facts.flat, child, path)),
};
/** Keywords that the check of another keyword reads. */
const dependent: readonly string[] = ['then', 'else', 'minContains', 'maxContains'];
const known = [...Object.keys(checks), ...dependent, ...propertyKeywords, ...itemKeywords];

/** Maximum number of places that are compared, because branches multiply them. */
const budget = 2000;

/** Returns the values that the first schema may accept and the second one refuses. */
export function findingsOf(narrow: SchemaNode, wide: SchemaNode): Finding[] {
  return distinct(comparison()([narrow], wide, ''));
}

/** Reports whether mq understands a keyword that may refuse values. */
export function isKnown(keyword: string): boolean {
  return known.includes(keyword);
}

/** Returns a comparison that remembers the places that it has compared, because schemas may be recursive. */
function comparison(): Compare {
  const results = new Map<string, Finding[]>();
  const running = new Set<string>();
  const keyOf = identities();
  let left = budget;
  let assumed = 0;
  const compare: Compare = (narrow, wide, path) => {
    const key = `${narrow.map(keyOf).join()} ${keyOf(wide)}`;
    const result = results.get(key);
    if (result !== undefined) return result;
    if (running.has(key)) {
      // A value has a limited depth: if the rest of the place is compatible, the recursion is, too.
      assumed += 1;
      return [];
    }
    const place = { facts: factsOf(narrow), wide, path, compare };
    left -= 1;
    if (left < 0) return [undecided(place, '', 'the schemas have too many branches to be compared')];
    const before = { assumed, size: results.size };
    running.add(key);
    const found = findingsAt(place);
    running.delete(key);
    if (found.length > 0 && assumed > before.assumed) {
      // The results inside relied on the assumption that this place is compatible.
      for (const one of [...results.keys()].slice(before.size)) results.delete(one);
    }
    results.set(key, found);
    return found;
  };
  return compare;
}

/** Returns a function that numbers schemas. */
function identities(): (node: SchemaNode) => string {
  const numbers = new WeakMap<object, number>();
  let last = 0;
  return ({ document, pointer, schema }) => {
    if (typeof schema !== 'object' || schema === null) return `${document.file}#${pointer}=${schema}`;
    const number = numbers.get(schema) ?? ++last;
    numbers.set(schema, number);
    return String(number);
  };
}

function findingsAt(place: Place): Finding[] {
  const { facts, wide } = place;
  if (facts.isEmpty || wide.schema === true) return [];
  if (wide.schema === false) return [refused(place, '', 'any value')];
  if (facts.flat.some((node) => isSame(node, wide))) return [];
  if (facts.values !== undefined && !isExact(facts)) return ofValues(place, facts.values);
  const found = ofKeywords(place);
  if (found.length === 0) return [];
  if (facts.flat.every((node) => constraintsOf(node).length === 0)) return bestOf(found);
  return withBranches(place, found);
}

function ofKeywords(place: Place): Finding[] {
  const keywords = constraintsOf(place.wide);
  const isGroup = (group: readonly string[]) => keywords.some((keyword) => group.includes(keyword));
  return [
    ...keywords.flatMap((keyword) => {
      const value = keywordsOf(place.wide)[keyword];
      if (isKnown(keyword)) return checks[keyword]?.(place, value) ?? [];
      const isEqual = place.facts.flat.some((node) => isDeepStrictEqual(keywordsOf(node)[keyword], value));
      return isEqual ? [] : [undecided(place, keyword)];
    }),
    ...(isGroup(propertyKeywords) ? compareProperties(place) : []),
    ...(isGroup(itemKeywords) ? compareItems(place) : []),
  ];
}

function checkReference(place: Place): Finding[] {
  const target = referencedBy(place.wide);
  if (target === undefined) return [undecided(place, '$ref', "the target of '$ref' is not known")];
  return place.compare(place.facts.flat, target, place.path);
}

/** Compares each of a limited number of values. */
function ofValues(place: Place, values: readonly unknown[]): Finding[] {
  const { facts, wide, path, compare } = place;
  const refusals = values.flatMap((value) => {
    const found = compare([derived(facts.first, schemaOfValue(value))], wide, path);
    return found.length === 0 ? [] : [{ value, found }];
  });
  const [first] = refusals.flatMap(({ found }) => found);
  if (first === undefined) return [];
  const isCertain = refusals.some(({ found }) => found.every((one) => one.isCertain));
  const texts = refusals.map(({ value }) => shortJson(value));
  const what = `${texts.slice(0, 4).join(', ')}${texts.length > 4 ? ', ...' : ''}`;
  const { narrow } = refused({ ...place, wide: first.wide }, 'enum', what);
  return [{ ...first, narrow, path, isCertain, what: isCertain ? what : first.what }];
}

/** Returns one finding, which is enough if the narrow schemas accept everything. */
function bestOf(found: readonly Finding[]): Finding[] {
  return [found.find((one) => one.isCertain) ?? found[0]].filter((one) => one !== undefined);
}

/** Compares each branch of the narrow schemas, if the narrow schemas without their branches accept too much. */
function withBranches(place: Place, found: Finding[]): Finding[] {
  const { facts, wide, path, compare } = place;
  const flat = facts.flat.map((node) => derived(node, without(keywordsOf(node), expanded)));
  const splits = branchesOf(facts, found, flat);
  if (splits.length === 0) return found;
  return distinct(splits.flatMap((branch) => compare(branch, wide, path)));
}

/** Keywords whose schemas `Facts.flat` contains. */
const expanded: readonly string[] = ['$ref', 'allOf', 'unevaluatedProperties'];

function branchesOf(facts: Facts, found: readonly Finding[], flat: Nodes): Nodes[] {
  const [alternative] = facts.alternatives;
  if (alternative !== undefined) {
    const rest = flat.map((node, index) => {
      const isOwn = facts.flat[index] === alternative.node;
      const keys = alternative.keyword === 'if' ? ['if', 'then', 'else'] : [alternative.keyword];
      return isOwn ? derived(node, without(keywordsOf(node), keys)) : node;
    });
    return alternative.branches.map((branch) => [...branch, ...rest]);
  }
  const dependsOnType = found.some(({ keyword }) => ['anyOf', 'oneOf', 'if', 'not'].includes(keyword));
  const isLimited = facts.types.size > 1 && facts.types.size < typeNames.length - 1;
  if (!dependsOnType || !isLimited) return [];
  return [...facts.types].map((type) => [...flat, derived(facts.first, { type })]);
}

/** Returns the findings without those that are equal for a reader. */
function distinct(found: readonly Finding[]): Finding[] {
  const keyOf = ({ wide, keyword, what, path }: Finding) => JSON.stringify([wide.pointer, keyword, what, path]);
  return [...new Map(found.toReversed().map((one) => [keyOf(one), one])).values()].toReversed();
}
