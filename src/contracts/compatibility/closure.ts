// Finds the properties that the keywords next to `unevaluatedProperties` evaluate.

import { isObject, type Plain } from '../../config/plain.ts';
import { childOf, childrenOf, keywordsOf, referencedBy, type SchemaNode } from '../schema-node.ts';

interface Closure {
  /** `properties` and `patternProperties` that accept any value of each evaluated property. */
  readonly keywords: Plain;
  /** `true` if all properties are evaluated, so that `unevaluatedProperties` has no effect. */
  readonly isOpen: boolean;
  /** `true` if the evaluated properties depend on the value. */
  readonly hasBranches: boolean;
  /** Length of the longest `prefixItems`. */
  readonly prefixLength: number;
}

/** Returns what a node evaluates. With branches, includes what depends on the value. */
export function closureOf(start: SchemaNode, { withBranches }: { withBranches: boolean }): Closure {
  const names = new Set<string>();
  const patterns = new Set<string>();
  const seen = new Set<unknown>();
  const found = { isOpen: false, hasBranches: false, prefixLength: 0 };
  const visit = (node: SchemaNode) => {
    if (!isObject(node.schema) || seen.has(node.schema)) return;
    seen.add(node.schema);
    const keywords = keywordsOf(node);
    for (const [name] of childrenOf(node, 'properties')) names.add(name);
    for (const [name] of childrenOf(node, 'patternProperties')) patterns.add(name);
    found.prefixLength = Math.max(found.prefixLength, childrenOf(node, 'prefixItems').length);
    const isInner = node !== start && Object.hasOwn(keywords, 'unevaluatedProperties');
    if (Object.hasOwn(keywords, 'additionalProperties') || isInner) found.isOpen = true;
    const target = referencedBy(node);
    if (target !== undefined) visit(target);
    else if (['$ref', '$dynamicRef'].some((key) => Object.hasOwn(keywords, key))) {
      // The properties that it evaluates are not known.
      found.hasBranches = true;
      if (withBranches) found.isOpen = true;
    }
    for (const [, child] of childrenOf(node, 'allOf')) visit(child);
    const branches = branchesOf(node);
    if (branches.length > 0) found.hasBranches = true;
    if (withBranches) for (const branch of branches) visit(branch);
  };
  visit(start);
  const accepting = (keys: Set<string>) => Object.fromEntries([...keys].map((key) => [key, true]));
  return { ...found, keywords: { properties: accepting(names), patternProperties: accepting(patterns) } };
}

function branchesOf(node: SchemaNode): SchemaNode[] {
  const lists = ['anyOf', 'oneOf', 'dependentSchemas'].flatMap((keyword) =>
    childrenOf(node, keyword).map(([, child]) => child),
  );
  const single = ['if', 'then', 'else'].flatMap((keyword) => childOf(node, keyword) ?? []);
  return [...lists, ...single];
}
