// Compares the old and the new schema of a publication or a subscription. Schemas that mq does not understand are reported,
// and never called compatible.

import { isDeepStrictEqual } from 'node:util';
import type { Finding } from './compatibility/comparison.ts';
import { findingsOf, isKnown } from './compatibility/narrower.ts';
import { constraintsOf } from './compatibility/same.ts';
import { subschemas } from './keywords.ts';
import { childOf, keywordsOf, referencedBy, type SchemaNode, writtenAt } from './schema-node.ts';

/** `publication`: old consumers read the new messages. `subscription`: new consumers read the old messages. */
export type Direction = 'publication' | 'subscription';

export interface Incompatibility {
  /** `incomparable`: mq cannot decide whether the schemas are compatible. */
  readonly code: 'incompatible' | 'incomparable';
  /** The new schema file, and the place in it as a JSON pointer. */
  readonly file: string;
  readonly pointer: string;
  /** Place in the body, as a JSON pointer. `*` is any item or property. Empty for the body itself. */
  readonly path: string;
  readonly message: string;
}

/**
 * Returns why messages and programs of the two versions do not fit together. None means that they do: the new schema of a
 * publication accepts nothing that the old one refuses, and that of a subscription accepts all that the old one accepts.
 */
export function compare(older: SchemaNode, newer: SchemaNode, direction: Direction): Incompatibility[] {
  const isPublication = direction === 'publication';
  const [narrow, wide] = isPublication ? [newer, older] : [older, newer];
  const found = findingsOf(narrow, wide).map((one) => incompatibility(one, direction));
  return [...found, ...changedUnknown(narrow, wide, direction)];
}

function incompatibility(found: Finding, direction: Direction): Incompatibility {
  const isPublication = direction === 'publication';
  const node = isPublication ? found.narrow : found.wide;
  const { document, pointer } = node;
  const own = writtenAt(node);
  const hasKeyword = own !== undefined && Object.hasOwn(keywordsOf(own), found.keyword);
  return {
    code: found.isCertain ? 'incompatible' : 'incomparable',
    file: document.file,
    pointer: hasKeyword ? `${pointer}/${found.keyword}` : pointer,
    path: found.path,
    message: `${messageOf(found, direction)}${found.isUnnamed ? advice[direction] : ''}`,
  };
}

function messageOf({ isCertain, what, path, reason }: Finding, direction: Direction): string {
  const isPublication = direction === 'publication';
  const at = path === '' ? '' : ` at ${path}`;
  if (reason !== undefined && !isCertain)
    return `only the ${isPublication ? 'old' : 'new'} schema has ${what}${at}, and ${reason}`;
  if (!isCertain) return `${what}${at}`;
  return isPublication
    ? `accepts ${what}${at}, which the old schema refuses`
    : `refuses ${what}${at}, which the old schema accepts`;
}

/** Advice about a property that only one of the schemas names, while the other one is open. */
const advice = {
  publication: '; the new object is open: keep the property in the schema, or close the object',
  subscription: '; the old object is open: close it first, or accept this if no old message has the property',
} as const;

/** Returns the unknown keywords of the narrower schema that the wider one does not have. findingsOf compares the others. */
function changedUnknown(narrow: SchemaNode, wide: SchemaNode, direction: Direction): Incompatibility[] {
  const [own, others] = [unknownIn(narrow), unknownIn(wide)];
  const changed = own.filter(
    (one) => !others.some(({ keyword, value }) => keyword === one.keyword && isDeepStrictEqual(value, one.value)),
  );
  return changed.map(({ node, keyword }) => {
    const isHere = direction === 'publication';
    const what = `'${keyword}' cannot be compared`;
    return {
      code: 'incomparable',
      file: isHere ? node.document.file : wide.document.file,
      pointer: isHere ? `${node.pointer}/${keyword}` : '',
      path: '',
      message: isHere ? what : `${what}: the old schema has it at ${node.pointer}/${keyword}`,
    };
  });
}

interface UnknownKeyword {
  readonly node: SchemaNode;
  readonly keyword: string;
  readonly value: unknown;
}

/** Returns the unknown keywords of a schema, also behind its references. */
function unknownIn(root: SchemaNode): UnknownKeyword[] {
  const found: UnknownKeyword[] = [];
  const seen = new Set<unknown>();
  const visit = (start: SchemaNode) => {
    for (const { schema, path } of subschemas(start.schema, start.document.uri)) {
      const node = childOf(start, ...path);
      if (node === undefined || seen.has(schema)) continue;
      seen.add(schema);
      for (const keyword of constraintsOf(node))
        if (!isKnown(keyword)) found.push({ node, keyword, value: schema[keyword] });
      const target = referencedBy(node);
      if (target !== undefined) visit(target);
    }
  };
  visit(root);
  return found;
}
