// Reads a plan that mq plan --json has written, and checks that the broker has not changed since then.

import { isObject, listOf, objectOf, type Plain, stringOf } from '../../../config/plain.ts';
import type { Context } from '../../../context.ts';
import { escaped, MqError } from '../../../errors.ts';
import { objectText } from '../../../topology/object-text.ts';
import { canonical, isSameValue } from '../../../topology/topology.ts';
import { readText } from '../../input/files.ts';
import type { Plan, PlannedDifference } from './plan-document.ts';

/** The parts of a saved plan on which its changes rest. */
interface SavedPlan {
  /** Name of the file, or `undefined` for a plan that was made in this run. */
  readonly file?: string;
  readonly against: string;
  readonly vhosts: readonly unknown[];
  readonly differences: readonly Plain[];
}

const mostBytes = 64 * 1024 * 1024;

/** Reads a plan; `-` is standard input. Throws NO_INPUT, and BAD_DATA if the file is not a plan of a broker. */
export async function readSavedPlan(context: Context, file: string): Promise<SavedPlan> {
  const text = await readText(context, file, { maxBytes: mostBytes });
  const plan = objectOf(parsed(text));
  const against = stringOf(plan['against']);
  const { differences, vhosts, source } = plan;
  if (against === undefined || !Array.isArray(differences) || !differences.every(isObject) || !Array.isArray(vhosts))
    throw new MqError('BAD_DATA', `${file} is not a plan`, { at: file, hint: planHint });
  if (source !== 'broker')
    throw new MqError('BAD_DATA', `${file} is a plan against exported definitions, not against a broker`, {
      at: file,
      hint: planHint,
    });
  return { file, against, vhosts: listOf(vhosts), differences };
}

const planHint = 'mq plan --json --out FILE writes a plan';

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
}

/**
 * Throws OUTDATED if a new plan contains a difference that the saved one does not contain in the same form. Differences
 * that no longer exist are no reason, because an interrupted run may have removed them. Counts of messages and
 * consumers are not compared, because they change all the time.
 */
export function assertCurrent(saved: SavedPlan, { against, vhosts, differences }: Plan): void {
  const from = saved.file ?? 'the plan';
  if (saved.against !== against)
    throw outdated(`${from} was made for the broker at ${saved.against}, not for ${against}`, []);
  if (!isSameValue(saved.vhosts, vhosts)) throw outdated(`${from} was made for other vhosts`, []);
  const known = new Map(saved.differences.map((one) => [identityOf(one), one]));
  const problems = differences.flatMap((one) => {
    const before = known.get(identityOf({ ...one }));
    if (before !== undefined && isSameValue(contentOf(before), contentOf({ ...one }))) return [];
    return [`${textOf(one)}: ${before === undefined ? 'not in the plan' : 'in the plan, but not in this form'}`];
  });
  if (problems.length > 0) throw outdated(`the broker or rascal.json has changed since ${from} was made`, problems);
}

/** Maximum number of problems that are listed. */
const mostProblems = 10;

function outdated(message: string, problems: readonly string[]): MqError {
  const more = problems.length - mostProblems;
  return new MqError('OUTDATED', `${message}; nothing was done`, {
    problems: [...problems.slice(0, mostProblems), ...(more > 0 ? [`… and ${more} more`] : [])],
    hint: 'make and check a new plan: mq plan',
  });
}

function textOf(one: PlannedDifference): string {
  return `${one.action} ${objectText(one, escaped)}`;
}

function identityOf(one: Plain): string {
  const fields = ['vhost', 'kind', 'name', 'source', 'destination', 'destinationType', 'key', 'arguments'];
  return JSON.stringify(fields.map((field) => canonical(one[field])));
}

/** Returns what a difference changes and what the change deletes. */
function contentOf(one: Plain): Plain {
  const { action, exists, attributes } = one;
  return { action, exists, attributes, otherBindings: objectOf(one['risk'])['otherBindings'] };
}
