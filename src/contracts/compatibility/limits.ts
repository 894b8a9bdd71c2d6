// Finds the types of which a conjunction of schemas accepts no value, because its limits exclude each other.

import { childOf, childrenOf, keywordsOf, type SchemaNode } from '../schema-node.ts';

type Nodes = readonly SchemaNode[];
type LimitedType = 'number' | 'integer' | 'string' | 'array' | 'object';

/** Returns the types that the limits exclude. `integer` is also excluded if only numbers with a fraction are left. */
export function excludedTypes(flat: Nodes): Set<LimitedType> {
  const isEmpty: Readonly<Record<LimitedType, boolean>> = {
    number: hasNoNumber(flat),
    integer: hasNoInteger(flat),
    string: least(flat, 'minLength') > most(flat, 'maxLength'),
    array:
      Math.max(least(flat, 'minItems'), ...flat.map(leastContained)) >
      Math.min(most(flat, 'maxItems'), ...flat.map(closedLength)),
    object: hasNoObject(flat),
  };
  const types: readonly LimitedType[] = ['number', 'integer', 'string', 'array', 'object'];
  return new Set(types.filter((type) => isEmpty[type]));
}

function hasNoNumber(flat: Nodes): boolean {
  const [minimum, above] = [highest(flat, 'minimum'), highest(flat, 'exclusiveMinimum')];
  const [maximum, below] = [most(flat, 'maximum'), most(flat, 'exclusiveMaximum')];
  return minimum > maximum || minimum >= below || above >= maximum || above >= below;
}

function hasNoInteger(flat: Nodes): boolean {
  const low = Math.max(Math.ceil(highest(flat, 'minimum')), Math.floor(highest(flat, 'exclusiveMinimum')) + 1);
  const high = Math.min(Math.floor(most(flat, 'maximum')), Math.ceil(most(flat, 'exclusiveMaximum')) - 1);
  return low > high;
}

function hasNoObject(flat: Nodes): boolean {
  const required = new Set(flat.flatMap((node) => listed(keywordsOf(node)['required'])));
  if (Math.max(least(flat, 'minProperties'), required.size) > most(flat, 'maxProperties')) return true;
  return [...required].some((name) => flat.some((node) => forbids(node, name)));
}

/** Reports whether a schema forbids a property. It may do so also if this returns `false`. */
function forbids(node: SchemaNode, name: string): boolean {
  const own = childOf(node, 'properties', name);
  if (own !== undefined) return own.schema === false;
  return childOf(node, 'additionalProperties')?.schema === false && childrenOf(node, 'patternProperties').length === 0;
}

/** Returns the smallest number of items that `contains` requires. */
function leastContained(node: SchemaNode): number {
  const { minContains = 1 } = keywordsOf(node);
  return childOf(node, 'contains') === undefined ? 0 : Number(minContains);
}

/** Returns the number of items that `"items": false` permits. */
function closedLength(node: SchemaNode): number {
  return childOf(node, 'items')?.schema === false ? childrenOf(node, 'prefixItems').length : Number.POSITIVE_INFINITY;
}

function least(flat: Nodes, keyword: string): number {
  return Math.max(0, highest(flat, keyword));
}

function highest(flat: Nodes, keyword: string): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...numbers(flat, keyword));
}

function most(flat: Nodes, keyword: string): number {
  return Math.min(Number.POSITIVE_INFINITY, ...numbers(flat, keyword));
}

function numbers(flat: Nodes, keyword: string): number[] {
  return flat.map((node) => keywordsOf(node)[keyword]).filter((value) => typeof value === 'number');
}

function listed(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}
