// Does every role say what it needs, and only that? And the two ways to write a role, brought to one.

import { type Behaviour, behaviours } from './config.ts';
import type { Known } from './known.ts';
import { builtinHandlers } from './mq-fields.ts';
import { isObject, objectOf, type Plain } from './plain.ts';
import { didYouMean, quote } from './problem.ts';
import type { Report } from './references.ts';

/** Which kind of thing a behaviour uses. */
export function useOf(behaviour: Behaviour): 'publication' | 'subscription' {
  return behaviour === 'publish' || behaviour === 'request' ? 'publication' : 'subscription';
}

/** `"reply": "thumbs"` → its behaviour and subscription. */
export function expandRole(role: Plain): Plain {
  const short = behaviours.find((behaviour) => Object.hasOwn(role, behaviour));
  if (short === undefined) return role;
  const { [short]: name, ...rest } = role;
  return { ...rest, behaviour: short, [useOf(short)]: name };
}

export function checkRoles({
  file,
  known,
  taken,
  report,
}: {
  file: Plain;
  known: Known;
  taken: readonly string[];
  report: Report;
}): void {
  for (const [name, role] of Object.entries(objectOf(objectOf(file['mq'])['roles']))) {
    const at = ['mq', 'roles', name];
    // A role is a subcommand: one word that is not an option.
    if (!/^[\p{L}\p{N}][\p{L}\p{N}_.:-]*$/u.test(name)) {
      report(at, 'value', 'a role is named with letters, digits and _ . : - only');
    }
    if (taken.includes(name)) report(at, 'value', 'mq has a command of this name; give the role another one');
    if (!isObject(role)) continue;
    const ways = ['behaviour', ...behaviours].filter((key) => Object.hasOwn(role, key));
    if (ways.length === 0) report(at, 'missing', `"behaviour" is missing (${behaviours.join(', ')})`);
    if (ways.length > 1) report(at, 'value', `has ${ways.join(' and ')}: one of them`);
    const expanded = expandRole(role);
    const behaviour = behaviours.find((one) => one === expanded['behaviour']);
    if (behaviour === undefined || ways.length !== 1) continue;
    const use = useOf(behaviour);
    const used = expanded[use];
    const names = use === 'publication' ? known.publications : known.subscriptions;
    if (used === undefined) report(at, 'missing', `a ${behaviour} role needs a ${use}`);
    if (typeof used === 'string' && !names.has(used)) {
      const where = [...at, Object.hasOwn(role, behaviour) ? behaviour : use];
      report(where, 'reference', `unknown ${use} ${quote(used)}${didYouMean(used, [...names])}`);
    }
    const senseless =
      use === 'publication' ? ['subscription', 'handler', 'concurrency', 'prefetch', 'retry'] : ['publication'];
    for (const field of senseless) {
      if (Object.hasOwn(role, field)) report([...at, field], 'value', `a ${behaviour} role has no ${field}`);
    }
    checkHandler({ handler: role['handler'], at: [...at, 'handler'], report });
  }
}

function checkHandler({ handler, at, report }: { handler: unknown; at: readonly string[]; report: Report }): void {
  if (!isObject(handler)) return;
  const ways = ['builtin', 'exec', 'execLines', 'module'].filter((key) => Object.hasOwn(handler, key));
  const isProgram = ways.some((way) => way.startsWith('exec'));
  for (const field of isProgram ? [] : ['env', 'passEnv', 'cleanEnv']) {
    if (Object.hasOwn(handler, field)) report([...at, field], 'value', 'is only for exec and execLines');
  }
  if (ways.length === 1) return;
  const what = ways.length === 0 ? 'needs' : `has ${ways.join(' and ')}:`;
  report(at, 'value', `${what} exactly one of builtin (${builtinHandlers.join(', ')}), exec, execLines and module`);
}
