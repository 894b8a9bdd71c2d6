// Defines what the checks of the keywords share: a finding, and the comparison that they continue at properties and items.

import { keywordsOf, type SchemaNode } from '../schema-node.ts';
import type { Facts, Nodes } from './facts.ts';

/** A value that the narrow schemas may accept and the wide schema refuses. */
export interface Finding {
  /** `false` if the schemas cannot be compared here, so that the wide schema may accept the same. */
  readonly isCertain: boolean;
  /** Place in the narrow schema. */
  readonly narrow: SchemaNode;
  /** Place in the wide schema. */
  readonly wide: SchemaNode;
  /** The keyword that refuses the value. Empty for the schema `false`. */
  readonly keyword: string;
  /** Description of the values, such as `numbers less than 0`. If the finding is not certain, the reason. */
  readonly what: string;
  /** Why a keyword that only the wide schema has cannot be compared. `what` is then the keyword. */
  readonly reason?: string;
  /** `true` for a property that the narrow schemas do not name, and that may have any value because they are open. */
  readonly isUnnamed?: boolean;
  /** JSON pointer to the values in the body. `*` is any item or property. */
  readonly path: string;
}

/** Returns the findings of a comparison of narrower schemas with a wider one. None means that it accepts all their values. */
export type Compare = (narrow: Nodes, wide: SchemaNode, path: string) => Finding[];

/** A comparison at one place of the body. */
export interface Place {
  readonly facts: Facts;
  readonly wide: SchemaNode;
  readonly path: string;
  readonly compare: Compare;
}

export function refused(place: Place, keyword: string, what: string): Finding {
  return finding(place, keyword, { what, isCertain: true });
}

/** Returns the finding that a keyword cannot be compared. */
export function undecided(place: Place, keyword: string, reason = `'${keyword}' cannot be compared`): Finding {
  return finding(place, keyword, { what: reason, isCertain: false });
}

/** Returns the finding that a keyword cannot be compared which only the wide schema has with this value. */
export function onlyInWide(place: Place, keyword: string, what: string, reason: string): Finding {
  return { ...finding(place, keyword, { what, isCertain: false }), reason };
}

function finding(
  { facts, wide, path }: Place,
  keyword: string,
  { what, isCertain }: { what: string; isCertain: boolean },
): Finding {
  const own = facts.flat.find((node) => Object.hasOwn(keywordsOf(node), keyword));
  return { isCertain, narrow: own ?? facts.flat[0] ?? facts.first, wide, keyword, what, path };
}

/** Returns the values of a keyword in all nodes that have it. */
export function valuesAt({ flat }: Facts, keyword: string): unknown[] {
  return flat.flatMap((node) => {
    const value = keywordsOf(node)[keyword];
    return value === undefined ? [] : [value];
  });
}

export function numbersAt(facts: Facts, keyword: string): number[] {
  return valuesAt(facts, keyword).filter((value) => typeof value === 'number');
}

/** Returns a value as JSON of at most 60 characters. */
export function shortJson(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
