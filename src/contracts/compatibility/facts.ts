// Collects what a conjunction of schemas requires of a value, keyword by keyword. Constraints that are not understood are
// left out, so the facts accept at least what the schemas accept.

import { isDeepStrictEqual } from 'node:util';
import { isObject, listOf } from '../../config/plain.ts';
import { childOf, childrenOf, keywordsOf, referencedBy, type SchemaNode, schemaTree } from '../schema-node.ts';
import { closureOf } from './closure.ts';
import { excludedTypes } from './limits.ts';
import { constraintsOf } from './same.ts';

/** Schemas that a value must all match. */
export type Nodes = readonly SchemaNode[];

export const typeNames = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'] as const;
export type TypeName = (typeof typeNames)[number];

export interface Facts {
  /** The first schema, for the place of a finding. */
  readonly first: SchemaNode;
  /** All schemas, with those of `allOf` and `$ref`. */
  readonly flat: Nodes;
  /** Permitted types. `number` includes `integer`, which is then not in the set. */
  readonly types: ReadonlySet<TypeName>;
  /** All permitted values, if their number is limited. */
  readonly values: readonly unknown[] | undefined;
  /** `true` if no value matches. */
  readonly isEmpty: boolean;
  /** Lists of schemas of which a value matches at least one. */
  readonly alternatives: readonly Alternative[];
}

interface Alternative {
  /** The node with the keyword, and the keyword. */
  readonly node: SchemaNode;
  readonly keyword: 'anyOf' | 'oneOf' | 'if';
  readonly branches: readonly Nodes[];
}

export function factsOf(nodes: Nodes): Facts {
  const { flat, isFalse } = flatten(nodes);
  const types = typesOf(flat);
  for (const type of excludedTypes(flat)) types.delete(type);
  const values = valuesOf(flat, types);
  return {
    first: nodes[0] ?? anything,
    ...{ flat, types, values },
    isEmpty: isFalse || types.size === 0 || values?.length === 0 || flat.some((node) => isNegated(node, types)),
    alternatives: flat.flatMap(alternativesOf),
  };
}

/** Reports whether `not` refuses all values of these types. */
function isNegated(node: SchemaNode, types: ReadonlySet<TypeName>): boolean {
  const refused = childOf(node, 'not');
  if (refused === undefined || refused.schema === false) return false;
  if (constraintsOf(refused).some((keyword) => keyword !== 'type')) return false;
  const { type } = keywordsOf(refused);
  const named: readonly unknown[] = type === undefined ? typeNames : listOf(type);
  return [...types].every((one) => named.includes(one) || (one === 'integer' && named.includes('number')));
}

/** Returns a node at the same place with another schema. */
export function derived(node: SchemaNode, schema: unknown): SchemaNode {
  return { ...node, schema };
}

/** Schema of an empty conjunction. */
const anything = schemaTree({ file: '', content: true, uri: '' });

function flatten(nodes: Nodes): { flat: SchemaNode[]; isFalse: boolean } {
  const flat: SchemaNode[] = [];
  const seen = new Set<unknown>();
  let isFalse = false;
  const visit = (node: SchemaNode) => {
    if (node.schema === false) isFalse = true;
    if (!isObject(node.schema) || seen.has(node.schema)) return;
    seen.add(node.schema);
    flat.push(node);
    const closed = closedByUnevaluated(node);
    if (closed !== undefined) flat.push(closed);
    const target = referencedBy(node);
    if (target !== undefined) visit(target);
    for (const [, child] of childrenOf(node, 'allOf')) visit(child);
  };
  for (const node of nodes) visit(node);
  return { flat, isFalse };
}

/** Returns `unevaluatedProperties` as `additionalProperties`, which affects no property that a branch may evaluate. */
function closedByUnevaluated(node: SchemaNode): SchemaNode | undefined {
  const rest = childOf(node, 'unevaluatedProperties');
  if (rest === undefined || !isObject(node.schema)) return undefined;
  const known = closedSchemas.get(node.schema);
  if (known !== undefined) return derived(node, known);
  const closure = closureOf(node, { withBranches: true });
  if (closure.isOpen) return undefined;
  const closed = { ...closure.keywords, additionalProperties: rest.schema };
  closedSchemas.set(node.schema, closed);
  return derived(node, closed);
}

/** Keeps the results, because a comparison is recognized by the identity of its schemas. */
const closedSchemas = new WeakMap<object, object>();

function typesOf(flat: Nodes): Set<TypeName> {
  let types = new Set<TypeName>(typeNames.filter((name) => name !== 'integer'));
  for (const node of flat) {
    const { type, const: value, enum: values } = keywordsOf(node);
    const named = listOf(type).filter((name) => isTypeName(name));
    if (type !== undefined) types = commonTypes(types, new Set(named));
    if (value !== undefined) types = commonTypes(types, new Set([typeOf(value)]));
    if (Array.isArray(values)) types = commonTypes(types, new Set(values.map(typeOf)));
  }
  return types;
}

function isTypeName(name: unknown): name is TypeName {
  return typeNames.some((one) => one === name);
}

/** Returns the types in both sets. An integer is also a number. */
export function commonTypes(one: ReadonlySet<TypeName>, other: ReadonlySet<TypeName>): Set<TypeName> {
  const common = [...one].filter((name) => other.has(name));
  const hasIntegers = (types: ReadonlySet<TypeName>) => types.has('integer') || types.has('number');
  const onlyIntegers = !common.includes('number') && hasIntegers(one) && hasIntegers(other);
  return new Set(onlyIntegers ? [...common, 'integer'] : common);
}

/** Returns the type of a JSON value. A number without a fraction is an integer. */
function typeOf(value: unknown): TypeName {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  if (typeof value === 'string' || typeof value === 'boolean') return typeof value === 'string' ? 'string' : 'boolean';
  return 'object';
}

function valuesOf(flat: Nodes, types: ReadonlySet<TypeName>): readonly unknown[] | undefined {
  let values: readonly unknown[] | undefined;
  for (const node of flat) {
    const { enum: listed } = keywordsOf(node);
    const has = Object.hasOwn(keywordsOf(node), 'const');
    const own = has ? [keywordsOf(node)['const']] : Array.isArray(listed) ? listed : undefined;
    if (own === undefined) continue;
    values = values === undefined ? own : values.filter((value) => own.some((one) => isDeepStrictEqual(one, value)));
  }
  const isLimited = [...types].every((type) => type === 'null' || type === 'boolean');
  if (values === undefined && isLimited) values = [null, true, false];
  return values?.filter((value) => commonTypes(types, new Set([typeOf(value)])).size > 0);
}

function alternativesOf(node: SchemaNode): Alternative[] {
  const found: Alternative[] = [];
  for (const keyword of ['anyOf', 'oneOf'] as const) {
    const branches = childrenOf(node, keyword).map(([, branch]) => [branch]);
    if (branches.length > 0) found.push({ node, keyword, branches });
  }
  const condition = childOf(node, 'if');
  const [yes, no] = [childOf(node, 'then'), childOf(node, 'else')];
  if (condition !== undefined && (yes ?? no) !== undefined) {
    const list = (child: SchemaNode | undefined) => (child === undefined ? [] : [child]);
    found.push({ node, keyword: 'if', branches: [[condition, ...list(yes)], list(no)] });
  }
  return found;
}

/** Schemas that schemaOfValue returned. */
const exactSchemas = new WeakSet<object>();

/** Reports whether the facts are those of schemaOfValue. */
export function isExact({ flat: [first, ...rest] }: Facts): boolean {
  return rest.length === 0 && first !== undefined && isObject(first.schema) && exactSchemas.has(first.schema);
}

/** Returns a schema that accepts exactly one value, and describes it by keywords. */
export function schemaOfValue(value: unknown): Record<string, unknown> {
  const schema = { const: value, ...keywordsOfValue(value) };
  exactSchemas.add(schema);
  return schema;
}

function keywordsOfValue(value: unknown): Record<string, unknown> {
  if (typeof value === 'number') return { minimum: value, maximum: value, multipleOf: Math.abs(value) };
  if (typeof value === 'string') return { minLength: lengthOf(value), maxLength: lengthOf(value) };
  if (Array.isArray(value)) {
    const items = value.map(schemaOfValue);
    return { prefixItems: items, items: false, minItems: items.length, maxItems: items.length };
  }
  if (!isObject(value)) return {};
  const properties = Object.fromEntries(Object.entries(value).map(([name, one]) => [name, schemaOfValue(one)]));
  return { properties, required: Object.keys(value), additionalProperties: false };
}

/** JSON Schema: the length of a string is its number of Unicode characters. */
function lengthOf(text: string): number {
  return [...text].length;
}
