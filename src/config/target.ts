// Checks offline whether a file is valid for a RabbitMQ version. The file is a rascal.json or definitions exported from
// a broker. Applies the same rules to the lists of a management API.

import { rootField } from './fields/fields.ts';
import { objectOf, type Plain } from './plain.ts';
import { type Environment, replaceVariables } from './reading/environment.ts';
import { offsetAt, plainOf } from './reading/item.ts';
import { parse } from './reading/parse.ts';
import { type Problem, problemsOf } from './reading/problem.ts';
import { typed } from './reading/typed.ts';
import { declaredByDefinitions, declaredByRascal, isDefinitions } from './rules/declared.ts';
import { droppingQueues, droppingWarning } from './rules/dropping.ts';
import { refusalsOf, type Target, type VersionRule } from './rules/version-rules.ts';

export { type Target, targets } from './rules/version-rules.ts';

/**
 * Returns what the version refuses (code `refused`) or deprecates (`deprecated`), ordered by position. `format` is the
 * kind of file. For text that is not JSON it returns no problem, because `checkConfigText` reports the syntax errors.
 */
export function checkTarget(
  text: string,
  { env, target }: { env: Environment; target: Target },
): { format: 'rascal' | 'definitions'; problems: Problem[] } {
  const { tree: written } = parse(text);
  if (written === undefined) return { format: 'rascal', problems: [] };
  const format = isDefinitions(objectOf(plainOf(written))) ? 'definitions' : 'rascal';
  // Definitions have no variables.
  const tree = format === 'definitions' ? written : typed(replaceVariables(written, { env, text }).tree, rootField);
  const file = objectOf(plainOf(tree));
  const declared = format === 'definitions' ? declaredByDefinitions(file) : declaredByRascal(file);
  // For a rascal.json, `checkConfigText` already reports these warnings.
  const dropping = format === 'definitions' ? droppingQueues(declared) : [];
  const warnings = dropping.map((queue) => ({ code: 'warning' as const, ...droppingWarning(queue) }));
  const findings = [...refusalsOf(declared, target), ...warnings].map((refusal) => ({
    ...refusal,
    offset: offsetAt(tree, refusal.path),
  }));
  return { format, problems: problemsOf(text, findings) };
}

/** Lists of the management API, with a vhost in each item. */
interface ItemLists {
  readonly queues: readonly Plain[];
  readonly exchanges: readonly Plain[];
  readonly policies: readonly Plain[];
}

const listNames = ['queues', 'exchanges', 'policies'] as const;

/** An item that a version refuses or deprecates. */
interface RefusedItem {
  readonly rule: VersionRule;
  readonly list: keyof ItemLists;
  readonly index: number;
  /** `false` if the version accepts the item but deprecates it. */
  readonly isRefused: boolean;
  readonly message: string;
  readonly instead?: string;
}

/** Returns the items that the version refuses or deprecates. An item is returned once for each rule. */
export function refusedItems(lists: ItemLists, target: Target): RefusedItem[] {
  return refusalsOf(declaredByDefinitions({ ...lists }), target).flatMap(({ rule, code, path, message, instead }) => {
    const [listName, index, group, name] = path;
    const list = listNames.find((one) => one === listName);
    if (list === undefined || typeof index !== 'number') return [];
    // In a file, the position contains the name of the argument or the key.
    const prefix = group === 'arguments' || group === 'definition' ? `${name}: ` : '';
    const item = { rule, list, index, isRefused: code === 'refused', message: prefix + message };
    return [{ ...item, ...(instead !== undefined && { instead }) }];
  });
}

/**
 * Returns the indexes of the quorum queues whose arguments set neither a delivery limit nor a dead-letter exchange, and
 * the advice for them.
 */
export function droppingItems(queues: readonly Plain[]): { index: number; message: string; instead: string }[] {
  const { queues: declared } = declaredByDefinitions({ queues });
  return droppingQueues({ queues: declared, policies: [] }).map((queue) => {
    const { message, instead } = droppingWarning(queue);
    return { index: declared.indexOf(queue), message, instead };
  });
}
