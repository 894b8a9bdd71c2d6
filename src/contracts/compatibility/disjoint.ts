// Decides whether no value can match both of two conjunctions of schemas.

import { isDeepStrictEqual } from 'node:util';
import { childOf, keywordsOf } from '../schema-node.ts';
import { commonTypes, type Facts, factsOf, type Nodes } from './facts.ts';

const depthLimit = 4;

/** Reports whether no value matches both. `false` means that such values may exist. */
export function isDisjoint(one: Nodes, other: Nodes, depth = 0): boolean {
  const [left, right] = [factsOf(one), factsOf(other)];
  if (left.isEmpty || right.isEmpty) return true;
  const types = commonTypes(left.types, right.types);
  if (types.size === 0 || factsOf([...one, ...other]).isEmpty) return true;
  const { values } = left;
  if (values !== undefined && right.values !== undefined) {
    const ofOther = right.values;
    return !values.some((value) => ofOther.some((own) => isDeepStrictEqual(own, value)));
  }
  if (types.size > 1 || !types.has('object') || depth >= depthLimit) return false;
  return [...requiredNames(left), ...requiredNames(right)].some((name) => {
    const [mine, theirs] = [propertyOf(left, name), propertyOf(right, name)];
    return mine.length > 0 && theirs.length > 0 && isDisjoint(mine, theirs, depth + 1);
  });
}

function requiredNames({ flat }: Facts): string[] {
  return flat.flatMap((node) => {
    const { required } = keywordsOf(node);
    return Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [];
  });
}

function propertyOf({ flat }: Facts, name: string): Nodes {
  return flat.flatMap((node) => childOf(node, 'properties', name) ?? []);
}
