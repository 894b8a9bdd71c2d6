// A JSON Schema as a tree of places: each subschema is known with its document and its JSON pointer, so that references
// can be resolved and findings name a place.

import { isObject, type Plain, stringOf } from '../config/plain.ts';
import { baseOf, resolved, subschemas } from './keywords.ts';

/** A schema file after parsing. */
export interface SchemaFile {
  /** Name for messages. */
  readonly file: string;
  readonly content: unknown;
  /** Address of the file, against which its references are resolved. */
  readonly uri: string;
}

/** A subschema. */
export interface SchemaNode {
  readonly document: SchemaFile;
  /** JSON pointer in the document: empty for the root. */
  readonly pointer: string;
  readonly schema: unknown;
  /** Returns the schema at a URI, with or without a name of an anchor. */
  readonly find: (uri: string) => SchemaNode | undefined;
}

/** Returns the root of a document. `documents` are those that its references may name, by URI. */
export function schemaTree(document: SchemaFile, documents: ReadonlyMap<string, SchemaFile> = new Map()): SchemaNode {
  let targets: ReadonlyMap<string, SchemaNode> | undefined;
  const find = (uri: string) => {
    targets ??= new Map(
      [...documents, [document.uri, document] as const].flatMap(([at, one]) => targetsIn(one, at, find)),
    );
    return targets.get(uri);
  };
  return { document, pointer: '', schema: document.content, find };
}

/** Returns the URIs by which references find the parts of a document. */
function targetsIn(document: SchemaFile, uri: string, find: SchemaNode['find']): [string, SchemaNode][] {
  const root = { document, pointer: '', schema: document.content, find };
  const inner = [...subschemas(document.content, document.uri)].flatMap(({ schema, path, base }) => {
    const node = childOf(root, ...path);
    const resource = base.replace(/#.*$/s, '');
    const names = [schema['$anchor'], schema['$dynamicAnchor']].flatMap((name) => stringOf(name) ?? []);
    const uris = names.map((name) => `${resource}#${name}`);
    if (stringOf(schema['$id']) !== undefined) uris.push(resource);
    return node === undefined ? [] : uris.map((one): [string, SchemaNode] => [one, node]);
  });
  return [[uri, root], [document.uri, root], ...inner];
}

/** Returns the keywords of a node. A boolean schema has none. */
export function keywordsOf({ schema }: SchemaNode): Plain {
  return isObject(schema) ? schema : {};
}

/** Returns the node of a keyword, or below it. It is `undefined` if the schema has nothing there. */
export function childOf(node: SchemaNode, ...steps: readonly (string | number)[]): SchemaNode | undefined {
  let { pointer, schema } = node;
  for (const step of steps) {
    if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, step)) return undefined;
    schema = Reflect.get(schema, step);
    pointer = stepOf(pointer, String(step));
  }
  return { ...node, pointer, schema };
}

/** Returns the subschemas in a keyword that contains an object or a list of schemas, by name or index. */
export function childrenOf(node: SchemaNode, keyword: string): readonly (readonly [string, SchemaNode])[] {
  const value = keywordsOf(node)[keyword];
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).flatMap((name) => {
    const child = childOf(node, keyword, name);
    return child === undefined ? [] : [[name, child] as const];
  });
}

/** Returns the node that the `$ref` of a node names, or `undefined` if no document contains it. */
export function referencedBy(node: SchemaNode): SchemaNode | undefined {
  const reference = stringOf(keywordsOf(node)['$ref']);
  const target = reference === undefined ? undefined : resolved(reference, baseAt(node));
  if (target === undefined) return undefined;
  const [uri = '', fragment = ''] = target.split('#', 2);
  if (!fragment.startsWith('/')) return node.find(fragment === '' ? uri : `${uri}#${fragment}`);
  const resource = node.find(uri);
  return resource === undefined ? undefined : childOf(resource, ...stepsOf(decoded(fragment)));
}

/** Returns the node at a place that may differ from its schema, because a comparison has replaced the schema. */
export function writtenAt(node: SchemaNode): SchemaNode | undefined {
  return childOf({ ...node, pointer: '', schema: node.document.content }, ...stepsOf(node.pointer));
}

/** Returns the URI against which a reference in a node is resolved: that of the file, or of an `$id` above the node. */
function baseAt({ document, pointer }: SchemaNode): string {
  let base = document.uri;
  let schema: unknown = document.content;
  for (const step of [undefined, ...stepsOf(pointer)]) {
    if (step !== undefined)
      schema = typeof schema === 'object' && schema !== null ? Reflect.get(schema, step) : undefined;
    if (isObject(schema)) base = baseOf(schema, base);
  }
  return base;
}

/** Returns a JSON pointer with one more step. */
export function stepOf(pointer: string, step: string): string {
  return `${pointer}/${step.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

/** Returns the steps of a JSON pointer. */
export function stepsOf(pointer: string): string[] {
  const steps = pointer.split('/').slice(1);
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function decoded(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}
