// Finds references that lead back to themselves without a step into the value, such as {"$ref": "#"}. Their check would not end.

import type { Problem } from '../../config/check.ts';
import { isObject } from '../../config/plain.ts';
import type { Documents } from '../documents.ts';
import { childOf, childrenOf, keywordsOf, referencedBy, type SchemaNode, schemaTree } from '../schema-node.ts';

/** Keywords with schemas for the same value. */
const single: readonly string[] = ['not', 'if', 'then', 'else'];
const several: readonly string[] = ['allOf', 'anyOf', 'oneOf', 'dependentSchemas'];

const message = 'leads back to itself without a property or an item between, so a check would never end';

/** Returns a problem for each reference that closes a cycle. */
export function cycleProblems({ subschemas, byUri }: Documents): Problem[] {
  const places = new Map(subschemas.map((one) => [one.schema, one]));
  const problems: Problem[] = [];
  const done = new Set<unknown>();
  for (const root of new Set([...byUri.values()].map((one) => schemaTree(one, byUri))))
    for (const { path, document } of subschemas) {
      const start = document === root.document ? childOf(root, ...path) : undefined;
      const closing = start && closingReferences(start, done);
      for (const schema of closing ?? []) {
        const place = isObject(schema) ? places.get(schema) : undefined;
        if (place === undefined) continue;
        const { document: found, path: at } = place;
        problems.push({ ...found.problem([...at, '$ref'], message, 'reference'), file: found.file });
      }
    }
  return problems;
}

/** A schema whose neighbours are being visited. */
interface Visit {
  readonly node: SchemaNode;
  readonly left: SchemaNode[];
}

/** Returns the schemas with the last reference of each cycle that starts at a node. `done` contains visited schemas. */
function closingReferences(start: SchemaNode, done: Set<unknown>): SchemaNode['schema'][] {
  const found: unknown[] = [];
  const visits: Visit[] = [];
  const enter = (node: SchemaNode) => {
    if (!isObject(node.schema)) return;
    const index = visits.findIndex((one) => one.node.schema === node.schema);
    if (index >= 0) found.push(lastReference(visits.slice(index)));
    if (index >= 0 || done.has(node.schema)) return;
    done.add(node.schema);
    visits.push({ node, left: neighbours(node) });
  };
  enter(start);
  for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
    const next = visit.left.shift();
    if (next === undefined) visits.pop();
    else enter(next);
  }
  return found;
}

function lastReference(cycle: readonly Visit[]): unknown {
  return cycle.findLast(({ node }) => Object.hasOwn(keywordsOf(node), '$ref'))?.node.schema;
}

/** Returns the schemas that a value must match or not when it is checked with a node. */
function neighbours(node: SchemaNode): SchemaNode[] {
  const lists = several.flatMap((keyword) => childrenOf(node, keyword).map(([, child]) => child));
  return [referencedBy(node), ...single.map((keyword) => childOf(node, keyword)), ...lists].filter(
    (one) => one !== undefined,
  );
}
