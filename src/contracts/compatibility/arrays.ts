// Compares the keywords of arrays.

import { childOf, childrenOf, keywordsOf, type SchemaNode } from '../schema-node.ts';
import { closureOf } from './closure.ts';
import { type Finding, numbersAt, type Place, refused, undecided, valuesAt } from './comparison.ts';
import { derived, factsOf, type Nodes } from './facts.ts';
import { isSame } from './same.ts';

/** Keywords that `compareItems` compares together. */
export const itemKeywords: readonly string[] = ['prefixItems', 'items'];

/** Compares `prefixItems` and `items`. */
export function compareItems(place: Place): Finding[] {
  const { facts, wide, path, compare } = place;
  if (!facts.types.has('array')) return [];
  const length = Math.max(prefixLength(wide), ...facts.flat.map(prefixLength));
  const maximum = maxItems(place);
  const findings: Finding[] = [];
  for (let index = 0; index < Math.min(length, maximum); index++) {
    const target = itemAt(wide, index);
    if (target === undefined) continue;
    if (target.schema === false) {
      if (factsOf(itemsAt(place, index)).isEmpty) continue;
      return [...findings, refused(place, 'items', `arrays with more than ${index} items`)];
    }
    findings.push(...compare(itemsAt(place, index), target, `${path}/${index}`));
  }
  const rest = childOf(wide, 'items');
  if (rest === undefined || maximum <= length) return findings;
  const narrow = itemsAt(place, length);
  if (rest.schema !== false) return [...findings, ...compare(narrow, rest, `${path}/*`)];
  if (factsOf(narrow).isEmpty) return findings;
  return [...findings, refused(place, 'items', `arrays with more than ${length} items`)];
}

export const arrayChecks: Readonly<Record<string, (place: Place, limit: unknown) => Finding[]>> = {
  minItems: (place, limit) => {
    if (typeof limit !== 'number' || limit <= 0 || !place.facts.types.has('array')) return [];
    if (numbersAt(place.facts, 'minItems').some((one) => one >= limit)) return [];
    return [refused(place, 'minItems', `arrays with fewer than ${limit} items`)];
  },
  maxItems: (place, limit) => {
    if (typeof limit !== 'number' || !place.facts.types.has('array') || maxItems(place) <= limit) return [];
    return [refused(place, 'maxItems', `arrays with more than ${limit} items`)];
  },
  uniqueItems: (place, isUnique) => {
    if (isUnique !== true || !place.facts.types.has('array') || maxItems(place) <= 1) return [];
    if (valuesAt(place.facts, 'uniqueItems').includes(true)) return [];
    return [refused(place, 'uniqueItems', 'arrays with equal items')];
  },
  contains: checkContains,
  unevaluatedItems: checkUnevaluated,
};

/** Compares `contains` with its limits. Two different `contains` are not compared. */
function checkContains(place: Place): Finding[] {
  const { facts, wide } = place;
  const target = childOf(wide, 'contains');
  if (target === undefined || !facts.types.has('array')) return [];
  const { least, most } = containsLimits(wide);
  if (least <= 0 && most === Number.POSITIVE_INFINITY) return [];
  const own = facts.flat.filter((node) => childOf(node, 'contains') !== undefined);
  const isImplied = own.some((node) => {
    const child = childOf(node, 'contains');
    const limits = containsLimits(node);
    return child !== undefined && isSame(child, target) && limits.least >= least && limits.most <= most;
  });
  if (isImplied) return [];
  if (own.length > 0 || most < Number.POSITIVE_INFINITY) return [undecided(place, 'contains')];
  return [refused(place, 'contains', `arrays with fewer than ${least} items that match 'contains'`)];
}

function containsLimits(node: SchemaNode): { least: number; most: number } {
  const { minContains: least = 1, maxContains: most = Number.POSITIVE_INFINITY } = keywordsOf(node);
  return { least: Number(least), most: Number(most) };
}

/** Compares `unevaluatedItems` as `items` after the longest `prefixItems`, if nothing else evaluates items. */
function checkUnevaluated(place: Place): Finding[] {
  const { wide } = place;
  const { hasBranches, prefixLength: length } = closureOf(wide, { withBranches: false });
  const keywords = keywordsOf(wide);
  if (hasBranches || 'allOf' in keywords || '$ref' in keywords || 'contains' in keywords)
    return [undecided(place, 'unevaluatedItems')];
  if ('items' in keywords) return [];
  const prefixItems = Array.from({ length }, () => true);
  return compareItems({ ...place, wide: derived(wide, { prefixItems, items: keywords['unevaluatedItems'] }) });
}

function prefixLength(node: SchemaNode): number {
  return childrenOf(node, 'prefixItems').length;
}

function itemAt(node: SchemaNode, index: number): SchemaNode | undefined {
  return childOf(node, 'prefixItems', String(index)) ?? childOf(node, 'items');
}

/** Returns what the narrow schemas require of an item. */
function itemsAt({ facts }: Place, index: number): Nodes {
  const found = facts.flat.flatMap((node) => itemAt(node, index) ?? []);
  return found.length > 0 ? found : [derived(facts.first, true)];
}

/** Returns the largest number of items that the narrow schemas accept. */
function maxItems({ facts }: Place): number {
  const closed = facts.flat.flatMap((node) => (keywordsOf(node)['items'] === false ? [prefixLength(node)] : []));
  return Math.min(Number.POSITIVE_INFINITY, ...numbersAt(facts, 'maxItems'), ...closed);
}
