// Compares the keywords of objects.

import { isObject, listOf } from '../../config/plain.ts';
import { childOf, childrenOf, keywordsOf, type SchemaNode, stepOf } from '../schema-node.ts';
import { closureOf } from './closure.ts';
import { type Finding, numbersAt, onlyInWide, type Place, refused, undecided, valuesAt } from './comparison.ts';
import { derived, type Facts, factsOf, type Nodes } from './facts.ts';
import { isMatch } from './name-pattern.ts';

/** Keywords that `compareProperties` compares together. */
export const propertyKeywords: readonly string[] = ['properties', 'patternProperties', 'additionalProperties'];

/** Compares `properties`, `patternProperties` and `additionalProperties`. */
export function compareProperties(place: Place): Finding[] {
  if (!place.facts.types.has('object')) return [];
  return [...comparedNames(place), ...comparedPatterns(place), ...comparedRest(place)];
}

/** Compares each property that one of the schemas names. */
function comparedNames(place: Place): Finding[] {
  const { facts, wide, path, compare } = place;
  const names = new Set([wide, ...facts.flat].flatMap((node) => childrenOf(node, 'properties').map(([name]) => name)));
  return [...names].flatMap((name) => {
    const { targets, isKnown } = targetsOf(wide, name);
    const narrow = propertyOf(place, name);
    return targets.flatMap(([keyword, target]) => {
      if (target.schema === false)
        return factsOf(narrow).isEmpty ? [] : [refused(place, keyword, `objects with ${JSON.stringify(name)}`)];
      const found = compare(narrow, target, stepOf(path, name));
      if (!isKnown) return found.map((one) => ({ ...one, isCertain: false }));
      return schemasOf(place, name).length > 0 ? found : found.map((one) => ({ ...one, isUnnamed: true }));
    });
  });
}

/** Returns the schemas for a property. If a pattern cannot be tested, its schema is included and `isKnown` is `false`. */
function targetsOf(node: SchemaNode, name: string): { targets: [keyword: string, SchemaNode][]; isKnown: boolean } {
  const own = childOf(node, 'properties', name);
  const targets: [string, SchemaNode][] = own === undefined ? [] : [['properties', own]];
  let isKnown = true;
  for (const [pattern, child] of childrenOf(node, 'patternProperties')) {
    const matches = isMatch(pattern, name);
    if (matches === undefined) isKnown = false;
    if (matches !== false) targets.push(['patternProperties', child]);
  }
  const rest = childOf(node, 'additionalProperties');
  if (rest !== undefined && (targets.length === 0 || (!isKnown && own === undefined)))
    targets.push(['additionalProperties', rest]);
  return { targets, isKnown };
}

/** Returns what the narrow schemas require of a property. */
function propertyOf(place: Place, name: string): Nodes {
  const found = schemasOf(place, name);
  return found.length > 0 ? found : [derived(place.facts.first, true)];
}

/** Returns the schemas of a property. The list is empty if the narrow schemas are open and do not name it. */
function schemasOf({ facts }: Place, name: string): Nodes {
  return facts.flat.flatMap((node) => {
    const own = childOf(node, 'properties', name);
    const patterns = childrenOf(node, 'patternProperties');
    const matching = patterns.flatMap(([pattern, child]) => (isMatch(pattern, name) === true ? [child] : []));
    if (own !== undefined || matching.length > 0) return own === undefined ? matching : [own, ...matching];
    const isOther = patterns.every(([pattern]) => isMatch(pattern, name) === false);
    return isOther ? (childOf(node, 'additionalProperties') ?? []) : [];
  });
}

/** Compares the properties whose names match a pattern of one of the schemas. */
function comparedPatterns(place: Place): Finding[] {
  const { facts, wide, path, compare } = place;
  const own = new Map(childrenOf(wide, 'patternProperties'));
  const narrow = facts.flat.flatMap((node) => childrenOf(node, 'patternProperties'));
  const found = [...own].flatMap(([pattern, target]) => {
    const same = narrow.flatMap(([other, child]) => (other === pattern ? [child] : []));
    if (same.length > 0) return compare(same, target, `${path}/*`);
    const rest = compare(restOf(place), target, `${path}/*`);
    const others = narrow.flatMap(([, child]) => compare([child], target, `${path}/*`));
    if (rest.length + others.length === 0) return [];
    return narrow.length === 0 ? rest : [undecided(place, 'patternProperties')];
  });
  const additional = childOf(wide, 'additionalProperties');
  if (additional === undefined) return found;
  const unmatched = narrow.filter(([pattern]) => !own.has(pattern));
  const ofAdditional = unmatched.flatMap(([pattern, child]) => {
    const refusals = compare([child], additional, `${path}/*`);
    if (refusals.length === 0) return [];
    if (own.size > 0) return [undecided(place, 'patternProperties')];
    if (additional.schema !== false) return refusals;
    return [refused(place, 'additionalProperties', `objects with properties that match ${pattern}`)];
  });
  return [...found, ...ofAdditional];
}

/** Compares the properties that no schema names. */
function comparedRest(place: Place): Finding[] {
  const target = childOf(place.wide, 'additionalProperties');
  if (target === undefined) return [];
  const narrow = restOf(place);
  if (target.schema !== false) return place.compare(narrow, target, `${place.path}/*`);
  return factsOf(narrow).isEmpty ? [] : [refused(place, 'additionalProperties', 'objects with other properties')];
}

function restOf({ facts }: Place): Nodes {
  const found = facts.flat.flatMap((node) => childOf(node, 'additionalProperties') ?? []);
  return found.length > 0 ? found : [derived(facts.first, true)];
}

export const objectChecks: Readonly<Record<string, (place: Place, limit: unknown) => Finding[]>> = {
  required: (place, names) => {
    if (!place.facts.types.has('object')) return [];
    const missing = listOf(names).filter((name) => !requiredOf(place.facts).has(name));
    return missing.map((name) => refused(place, 'required', `objects without ${JSON.stringify(name)}`));
  },
  minProperties: (place, limit) => {
    if (typeof limit !== 'number' || !place.facts.types.has('object')) return [];
    const own = [0, requiredOf(place.facts).size, ...numbersAt(place.facts, 'minProperties')];
    if (own.some((one) => one >= limit)) return [];
    return [refused(place, 'minProperties', `objects with fewer than ${limit} properties`)];
  },
  maxProperties: (place, limit) => {
    if (typeof limit !== 'number' || !place.facts.types.has('object')) return [];
    const closed = namesOf(place)?.length ?? Number.POSITIVE_INFINITY;
    if ([closed, ...numbersAt(place.facts, 'maxProperties')].some((one) => one <= limit)) return [];
    return [refused(place, 'maxProperties', `objects with more than ${limit} properties`)];
  },
  propertyNames: checkNames,
  dependentRequired: checkDependent,
  unevaluatedProperties: checkUnevaluated,
};

function requiredOf(facts: Facts): Set<unknown> {
  return new Set(valuesAt(facts, 'required').flatMap(listOf));
}

/** Returns the names of all permitted properties, or `undefined` if the narrow schemas are open. */
function namesOf(place: Place): string[] | undefined {
  if (!factsOf(restOf(place)).isEmpty) return undefined;
  if (place.facts.flat.some((node) => childrenOf(node, 'patternProperties').length > 0)) return undefined;
  const names = new Set(place.facts.flat.flatMap((node) => childrenOf(node, 'properties').map(([name]) => name)));
  return [...names].filter((name) => !factsOf(propertyOf(place, name)).isEmpty);
}

function checkNames(place: Place): Finding[] {
  const { facts, wide, path, compare } = place;
  const target = childOf(wide, 'propertyNames');
  if (target === undefined || !facts.types.has('object')) return [];
  const names = namesOf(place);
  const own = facts.flat.flatMap((node) => childOf(node, 'propertyNames') ?? []);
  const schema = names === undefined ? { type: 'string' } : { enum: names };
  const found = compare([...own, derived(own[0] ?? facts.first, schema)], target, path);
  return found.map(({ isCertain, what, reason }) => {
    const text = `property names: ${what}`;
    if (isCertain) return refused(place, 'propertyNames', text);
    return reason === undefined
      ? undecided(place, 'propertyNames', text)
      : onlyInWide(place, 'propertyNames', text, reason);
  });
}

function checkDependent(place: Place, dependencies: unknown): Finding[] {
  const { facts } = place;
  if (!facts.types.has('object') || !isObject(dependencies)) return [];
  const required = requiredOf(facts);
  return Object.entries(dependencies).flatMap(([name, needed]) => {
    if (factsOf(propertyOf(place, name)).isEmpty) return [];
    const own = valuesAt(facts, 'dependentRequired').flatMap((one) => (isObject(one) ? listOf(one[name]) : []));
    const missing = listOf(needed).filter((one) => !required.has(one) && !own.includes(one));
    return missing.map((one) =>
      refused(place, 'dependentRequired', `objects with ${JSON.stringify(name)} and without ${JSON.stringify(one)}`),
    );
  });
}

/** Compares `unevaluatedProperties` as `additionalProperties` next to all properties that are always evaluated. */
function checkUnevaluated(place: Place): Finding[] {
  const { wide } = place;
  const { keywords, isOpen, hasBranches } = closureOf(wide, { withBranches: false });
  if (isOpen) return [];
  const closed = derived(wide, { ...keywords, additionalProperties: keywordsOf(wide)['unevaluatedProperties'] });
  const found = compareProperties({ ...place, wide: closed });
  if (found.length === 0) return [];
  if (hasBranches) return [undecided(place, 'unevaluatedProperties')];
  return found.map((one) => (one.wide === closed ? { ...one, keyword: 'unevaluatedProperties' } : one));
}
