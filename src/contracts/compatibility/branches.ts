// Compares the keywords that combine schemas: anyOf, oneOf, not, if and dependentSchemas.

import { pick } from '../../config/plain.ts';
import { childOf, childrenOf, keywordsOf, type SchemaNode } from '../schema-node.ts';
import { type Finding, type Place, refused, undecided } from './comparison.ts';
import { isDisjoint } from './disjoint.ts';
import { derived, type Nodes } from './facts.ts';
import { isSame } from './same.ts';

export const branchChecks: Readonly<Record<string, (place: Place) => Finding[]>> = {
  anyOf: (place) => checkBranches(place, 'anyOf'),
  oneOf: (place) => checkBranches(place, 'oneOf'),
  not: checkNot,
  if: checkCondition,
  dependentSchemas: checkDependent,
};

/**
 * Compares with the only branch that can accept values of the narrow schemas. If there are several such branches, one of
 * them must accept all values; of oneOf, several branches cannot be compared.
 */
function checkBranches(place: Place, keyword: 'anyOf' | 'oneOf'): Finding[] {
  const { facts, wide, path, compare } = place;
  const branches = childrenOf(wide, keyword).map(([, branch]) => branch);
  const candidates = branches.filter((branch) => !isDisjoint(facts.flat, [branch]));
  const [first] = candidates;
  if (first === undefined) return [refused(place, keyword, `values that match no branch of ${keyword}`)];
  if (candidates.length === 1) return compare(facts.flat, first, path);
  if (keyword === 'anyOf' && candidates.some((branch) => compare(facts.flat, branch, path).length === 0)) return [];
  const only = (node: SchemaNode) => derived(node, pick(keywordsOf(node), [keyword]));
  return facts.flat.some((node) => isSame(only(node), only(wide))) ? [] : [undecided(place, keyword)];
}

/** A value matches `not` if it cannot match the schema in it. */
function checkNot(place: Place): Finding[] {
  const { facts, wide, path, compare } = place;
  const target = childOf(wide, 'not');
  if (target === undefined || isDisjoint(facts.flat, [target])) return [];
  const own = facts.flat.flatMap((node) => childOf(node, 'not') ?? []);
  // The narrow schemas refuse more if their `not` accepts more.
  if (own.some((node) => compare([target], node, path).length === 0)) return [];
  return [undecided(place, 'not')];
}

function checkCondition(place: Place): Finding[] {
  const { facts, wide, path, compare } = place;
  const condition = childOf(wide, 'if');
  const [yes, no] = [childOf(wide, 'then'), childOf(wide, 'else')];
  if (condition === undefined || (yes ?? no) === undefined) return [];
  const same = facts.flat.filter((node) => {
    const own = childOf(node, 'if');
    return own !== undefined && isSame(own, condition);
  });
  const narrow = (keyword: string): Nodes => [...facts.flat, ...same.flatMap((node) => childOf(node, keyword) ?? [])];
  const found = [
    ...(yes === undefined ? [] : compare([...narrow('then'), condition], yes, path)),
    ...(no === undefined ? [] : compare(narrow('else'), no, path)),
  ];
  return found.length === 0 || same.length > 0 ? found : [undecided(place, 'if')];
}

function checkDependent(place: Place): Finding[] {
  const { facts, wide, path, compare } = place;
  if (!facts.types.has('object')) return [];
  return childrenOf(wide, 'dependentSchemas').flatMap(([name, target]) => {
    const own = facts.flat.flatMap((node) => childOf(node, 'dependentSchemas', name) ?? []);
    const present = derived(facts.first, { type: 'object', required: [name] });
    return compare([...facts.flat, ...own, present], target, path);
  });
}
