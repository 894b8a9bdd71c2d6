// Compares the old and the new schema of a publication or a subscription. Schemas that mq does not understand are reported,
// and never called compatible.

import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../config/plain.ts';
import type { Finding } from './compatibility/comparison.ts';
import { findingsOf, isKnown } from './compatibility/narrower.ts';
import { annotations } from './compatibility/same.ts';
import { childOf, keywordsOf, rootOf, type SchemaDocument, type SchemaNode } from './schema-node.ts';

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
export function compare(older: SchemaDocument, newer: SchemaDocument, direction: Direction): Incompatibility[] {
  const isPublication = direction === 'publication';
  const [narrow, wide] = isPublication ? [rootOf(newer), rootOf(older)] : [rootOf(older), rootOf(newer)];
  const found = findingsOf(narrow, wide).map((one) => incompatibility(one, direction));
  return [...found, ...changedUnknown(narrow, wide, direction)];
}

function incompatibility(found: Finding, direction: Direction): Incompatibility {
  const isPublication = direction === 'publication';
  const { document, pointer } = isPublication ? found.narrow : found.wide;
  const own = childOf(rootOf(document), ...stepsOf(pointer));
  const hasKeyword = own !== undefined && Object.hasOwn(keywordsOf(own), found.keyword);
  const at = found.path === '' ? '' : ` at ${found.path}`;
  const verb = isPublication
    ? `accepts ${found.what}${at}, which the old schema refuses`
    : `refuses ${found.what}${at}, which the old schema accepts`;
  return {
    code: found.isCertain ? 'incompatible' : 'incomparable',
    file: document.file,
    pointer: hasKeyword ? `${pointer}/${found.keyword}` : pointer,
    path: found.path,
    message: found.isCertain ? verb : `${found.what}${at}`,
  };
}

function stepsOf(pointer: string): string[] {
  const steps = pointer.split('/').slice(1);
  return steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

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

/** Keywords that contain schemas by name, and keywords that contain schemas. */
const maps = ['properties', 'patternProperties', 'dependentSchemas', '$defs', 'definitions'];
const values = ['const', 'enum', 'default', 'examples', 'required', 'type', 'dependentRequired'];

function unknownIn(node: SchemaNode): UnknownKeyword[] {
  if (Array.isArray(node.schema)) return node.schema.flatMap((_, index) => unknownAt(node, String(index)));
  if (!isObject(node.schema)) return [];
  return Object.entries(node.schema).flatMap(([keyword, value]) => {
    if (values.includes(keyword)) return [];
    if (maps.includes(keyword))
      return isObject(value) ? Object.keys(value).flatMap((name) => unknownAt(node, keyword, name)) : [];
    if (annotations.includes(keyword)) return [];
    return isKnown(keyword) ? unknownAt(node, keyword) : [{ node, keyword, value }];
  });
}

function unknownAt(node: SchemaNode, ...steps: readonly string[]): UnknownKeyword[] {
  const child = childOf(node, ...steps);
  return child === undefined ? [] : unknownIn(child);
}
