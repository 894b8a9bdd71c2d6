// Writes the schemas of bodies into an AsyncAPI document. Its references start at the root of that document.

import { isObject, type Plain } from '../../../config/plain.ts';
import { subschemas } from '../../../contracts/keywords.ts';
import { childOf, referencedBy, type SchemaFile, type SchemaNode } from '../../../contracts/schema-node.ts';
import type { Ids } from './ids.ts';

/** AsyncAPI 3.0, Multi Format Schema Object. AsyncAPI's own format is a superset of draft 7. */
const draft2020 = 'application/schema+json;version=draft-2020-12';
/** Keywords of draft 2020-12 that draft 7 does not have, or that mean something else there. */
const newKeywords = [
  ...['prefixItems', 'unevaluatedItems', 'unevaluatedProperties', 'dependentRequired', 'dependentSchemas'],
  ...['minContains', 'maxContains', '$dynamicRef', '$dynamicAnchor', 'contentSchema'],
];
/** Keywords that only identify a schema. The references to them are rewritten. */
const identifiers = ['$schema', '$id', '$anchor'];

export interface WrittenSchemas {
  /** Content of `components.schemas`. */
  readonly schemas: Plain;
  /** Returns the reference to a schema. */
  readonly referenceTo: (root: SchemaNode) => Plain;
  /** Returns the id of a schema. */
  readonly idOf: (root: SchemaNode) => string;
}

/** Writes the schemas and those that they refer to. */
export function writtenSchemas(roots: readonly SchemaNode[], ids: Ids): WrittenSchemas {
  const nodes = new Map<unknown, SchemaNode>();
  const documents = new Set<SchemaFile>();
  for (const root of roots) collect(root, { nodes, documents });
  const idOf = (document: SchemaFile) => ids.of(document, document.file.replace(/^.*[\\/]|(\.schema)?\.json$/g, ''));
  const isNew = [...nodes.values()].some(({ schema }) => isObject(schema) && needsNewDraft(schema));
  const placeOf = (document: SchemaFile) => `#/components/schemas/${idOf(document)}${isNew ? '/schema' : ''}`;
  const written = (document: SchemaFile) => {
    const schema = rewritten(document.content, { nodes, placeOf });
    return isNew ? { schemaFormat: draft2020, schema } : schema;
  };
  return {
    schemas: Object.fromEntries([...documents].map((one) => [idOf(one), written(one)])),
    referenceTo: ({ document }) => ({ $ref: `#/components/schemas/${idOf(document)}` }),
    idOf: ({ document }) => idOf(document),
  };
}

interface Collected {
  /** Nodes by their schemas. */
  readonly nodes: Map<unknown, SchemaNode>;
  readonly documents: Set<SchemaFile>;
}

function collect(start: SchemaNode, found: Collected): void {
  const root = { ...start, pointer: '', schema: start.document.content };
  if (found.documents.has(start.document)) return;
  found.documents.add(start.document);
  for (const { schema, path } of subschemas(root.schema, start.document.uri)) {
    const node = childOf(root, ...path);
    if (node === undefined) continue;
    found.nodes.set(schema, node);
    const target = referencedBy(node);
    if (target !== undefined) collect(target, found);
  }
}

function needsNewDraft(schema: Plain): boolean {
  const keys = Object.keys(schema);
  // Draft 7 ignores the keywords next to a `$ref`.
  const hasSiblings = keys.includes('$ref') && keys.some((key) => key !== '$ref' && key !== 'description');
  return hasSiblings || keys.some((key) => newKeywords.includes(key));
}

function rewritten(
  value: unknown,
  scope: { nodes: Collected['nodes']; placeOf: (document: SchemaFile) => string },
): unknown {
  if (Array.isArray(value)) return value.map((one) => rewritten(one, scope));
  if (!isObject(value)) return value;
  const node = scope.nodes.get(value);
  const entries = Object.entries(value).filter(([key]) => node === undefined || !identifiers.includes(key));
  const target = node === undefined ? undefined : referencedBy(node);
  return Object.fromEntries(
    entries.map(([key, one]) => {
      if (key !== '$ref' || target === undefined) return [key, rewritten(one, scope)];
      return [key, scope.placeOf(target.document) + encodeURI(target.pointer)];
    }),
  );
}
