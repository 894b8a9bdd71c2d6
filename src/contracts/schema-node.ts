// A JSON Schema as a tree of places: each subschema is known with its document and its JSON pointer, so that references
// can be resolved and findings name a place.

import { isObject, type Plain, stringOf } from '../config/plain.ts';

/** A schema file after parsing. */
export interface SchemaDocument {
  /** Name for messages. */
  readonly file: string;
  readonly content: unknown;
}

/** A subschema. */
export interface SchemaNode {
  readonly document: SchemaDocument;
  /** JSON pointer in the document: empty for the root. */
  readonly pointer: string;
  readonly schema: unknown;
}

/** Returns the root of a document. */
export function rootOf(document: SchemaDocument): SchemaNode {
  return { document, pointer: '', schema: document.content };
}

/** Returns the keywords of a node. A boolean schema has none. */
export function keywordsOf({ schema }: SchemaNode): Plain {
  return isObject(schema) ? schema : {};
}

/** Returns the node of a keyword, or below it. It is `undefined` if the schema has nothing there. */
export function childOf(node: SchemaNode, ...steps: readonly (string | number)[]): SchemaNode | undefined {
  const { document } = node;
  let { pointer, schema } = node;
  for (const step of steps) {
    if (typeof schema !== 'object' || schema === null || !Object.hasOwn(schema, step)) return undefined;
    schema = Reflect.get(schema, step);
    pointer += `/${escapedStep(String(step))}`;
  }
  return { document, pointer, schema };
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

/**
 * Returns the node that the `$ref` of a node names, or `undefined` if the document does not contain it. Only references
 * inside the document are resolved: `#`, `#/$defs/x`, `#anchor`, and the same after the `$id` of the document.
 */
export function referencedBy(node: SchemaNode): SchemaNode | undefined {
  const reference = stringOf(keywordsOf(node)['$ref']);
  if (reference === undefined) return undefined;
  const root = rootOf(node.document);
  const [address = '', fragment = ''] = reference.split('#', 2);
  if (address !== '' && address !== stringOf(keywordsOf(root)['$id'])?.replace(/#$/, '')) return undefined;
  // A subschema with its own `$id` is a document of its own, so a reference in it does not start at this root.
  if (isEmbedded(node)) return undefined;
  if (fragment === '') return root;
  const decoded = decodedFragment(fragment);
  if (!decoded.startsWith('/')) return anchored(root, decoded);
  return childOf(root, ...decoded.slice(1).split('/').map(plainStep));
}

/** Reports whether a subschema above the node, or the node itself, has its own `$id`. The root does not count. */
function isEmbedded({ document, pointer }: SchemaNode): boolean {
  const steps = pointer === '' ? [] : pointer.slice(1).split('/').map(plainStep);
  return steps.some((_, index) => {
    const above = childOf(rootOf(document), ...steps.slice(0, index + 1));
    return above !== undefined && stringOf(keywordsOf(above)['$id']) !== undefined;
  });
}

function anchored(node: SchemaNode, name: string): SchemaNode | undefined {
  const { schema } = node;
  if (typeof schema !== 'object' || schema === null) return undefined;
  if (keywordsOf(node)['$anchor'] === name) return node;
  for (const key of Object.keys(schema)) {
    const child = childOf(node, key);
    const found = child === undefined || literals.includes(key) ? undefined : anchored(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Keywords that contain values, not schemas. */
const literals: readonly string[] = ['const', 'enum', 'default', 'examples'];

function decodedFragment(fragment: string): string {
  try {
    return decodeURIComponent(fragment);
  } catch {
    return fragment;
  }
}

function escapedStep(step: string): string {
  return step.replaceAll('~', '~0').replaceAll('/', '~1');
}

function plainStep(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}
