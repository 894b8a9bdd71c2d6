// Compares two schemas by their content. It ignores keywords that only describe.

import { isDeepStrictEqual } from 'node:util';
import { isObject, listOf } from '../../config/plain.ts';
import { keywords } from '../keywords.ts';
import { childOf, childrenOf, keywordsOf, referencedBy, type SchemaNode } from '../schema-node.ts';

/** Keywords of the draft that accept and refuse nothing. */
const annotations: readonly string[] = [
  ...['$dynamicAnchor', 'contentEncoding', 'contentMediaType', 'contentSchema'],
  ...['$schema', '$id', '$anchor', '$comment', '$defs', 'definitions', '$vocabulary'],
  ...['title', 'description', 'default', 'examples', 'deprecated', 'readOnly', 'writeOnly'],
];
/** Draft 2020-12: an unknown keyword is an annotation. Ajv also checks two keywords that the draft does not define. */
const constraints = [...keywords, 'nullable', '$recursiveRef'].filter((keyword) => !annotations.includes(keyword));
const single = [
  ...['not', 'if', 'then', 'else', 'items', 'contains', 'additionalProperties', 'propertyNames'],
  ...['unevaluatedItems', 'unevaluatedProperties', '$ref'],
];
const several = ['properties', 'patternProperties', 'dependentSchemas', 'allOf', 'anyOf', 'oneOf', 'prefixItems'];
const sets = ['required', 'enum', 'type'];

/** Reports whether two schemas have the same content, also behind their references. */
export function isSame(
  one: SchemaNode,
  other: SchemaNode,
  seen: readonly (readonly [unknown, unknown])[] = [],
): boolean {
  if (!isObject(one.schema) || !isObject(other.schema)) return one.schema === other.schema;
  if (seen.some(([left, right]) => left === one.schema && right === other.schema)) return true;
  const pairs = [...seen, [one.schema, other.schema] as const];
  const keys = constraintsOf(one);
  if (!isDeepStrictEqual(new Set(keys), new Set(constraintsOf(other)))) return false;
  return keys.every((keyword) => {
    if (single.includes(keyword)) return areSame(target(one, keyword), target(other, keyword), pairs);
    if (!several.includes(keyword)) return isSameValue(keyword, keywordsOf(one)[keyword], keywordsOf(other)[keyword]);
    const [mine, theirs] = [childrenOf(one, keyword), new Map(childrenOf(other, keyword))];
    return mine.length === theirs.size && mine.every(([name, child]) => areSame(child, theirs.get(name), pairs));
  });
}

/** Returns the keywords of a schema that may refuse a value. */
export function constraintsOf(node: SchemaNode): string[] {
  return Object.keys(keywordsOf(node)).filter((keyword) => constraints.includes(keyword));
}

function areSame(
  one: SchemaNode | undefined,
  other: SchemaNode | undefined,
  seen: readonly (readonly [unknown, unknown])[],
): boolean {
  return one !== undefined && other !== undefined && isSame(one, other, seen);
}

function target(node: SchemaNode, keyword: string): SchemaNode | undefined {
  return keyword === '$ref' ? referencedBy(node) : childOf(node, keyword);
}

function isSameValue(keyword: string, one: unknown, other: unknown): boolean {
  if (!sets.includes(keyword)) return isDeepStrictEqual(one, other);
  return isDeepStrictEqual(new Set(listOf(one)), new Set(listOf(other)));
}
