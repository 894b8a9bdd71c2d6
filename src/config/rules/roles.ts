// Checks that every role has the settings it needs and no others.

import { listenAddress, listenForms } from '../endpoint.ts';
import { isObject, listOf, objectOf, type Plain } from '../plain.ts';
import { didYouMean, type Path, quote } from '../reading/problem.ts';
import { behaviours, builtinHandlers, expandRole, type HandlerConfig, useOf } from '../role.ts';
import { recycleForms, recycleLimit } from '../size.ts';
import type { DefinedNames } from './defined-names.ts';
import type { Report } from './references.ts';

/** Returns why a handler cannot start on this machine. `path` is relative to the handler. */
export type HandlerFault = (
  handler: HandlerConfig,
  at: Path,
) => { readonly path: Path; readonly message: string } | undefined;

export function checkRoles({
  file,
  known,
  taken,
  handlerFault,
  report,
}: {
  file: Plain;
  known: DefinedNames;
  taken: readonly string[];
  handlerFault: HandlerFault;
  report: Report;
}): void {
  for (const [name, role] of Object.entries(objectOf(objectOf(file['mq'])['roles']))) {
    const at = ['mq', 'roles', name];
    // A role is a subcommand, so its name is one word and cannot look like an option.
    if (!/^[\p{L}\p{N}][\p{L}\p{N}_.:-]*$/u.test(name)) {
      report(at, 'value', 'a role is named with letters, digits and _ . : - only');
    }
    if (taken.includes(name)) report(at, 'value', 'mq has a command of this name; give the role another one');
    if (!isObject(role)) continue;
    const ways = ['behaviour', ...behaviours].filter((key) => Object.hasOwn(role, key));
    if (ways.length === 0) report(at, 'missing', `"behaviour" is missing (${behaviours.join(', ')})`);
    if (ways.length > 1) report(at, 'value', `has ${ways.join(' and ')}: one of them`);
    const { handler, metrics } = role;
    if (metrics !== undefined && !listenAddress(String(metrics)))
      report([...at, 'metrics'], 'value', `must be ${listenForms}`);
    if (isObject(handler)) checkHandler({ handler, at: [...at, 'handler'], handlerFault, report });
    const expanded = expandRole(role);
    const behaviour = behaviours.find((one) => one === expanded['behaviour']);
    if (behaviour === undefined || ways.length !== 1) continue;
    const use = useOf(behaviour);
    const used = expanded[use];
    const names = use === 'publication' ? known.publications : known.subscriptions;
    const several = use === 'subscription' ? expanded['subscriptions'] : undefined;
    if (used === undefined && several === undefined) report(at, 'missing', `a ${behaviour} role needs a ${use}`);
    if (several !== undefined) checkSeveral({ expanded, at, names, report });
    if (typeof used === 'string' && !names.has(used)) {
      const where = [...at, Object.hasOwn(role, behaviour) ? behaviour : use];
      report(where, 'reference', `unknown ${use} ${quote(used)}${didYouMean(used, [...names])}`);
    }
    const senseless =
      use === 'publication'
        ? ['subscription', 'subscriptions', 'handler', 'concurrency', 'prefetch', 'retry']
        : ['publication'];
    for (const field of senseless) {
      if (Object.hasOwn(role, field)) report([...at, field], 'value', `a ${behaviour} role has no ${field}`);
    }
  }
}

interface SeveralCheck {
  readonly expanded: Plain;
  readonly at: Path;
  readonly names: ReadonlySet<string>;
  readonly report: Report;
}

function checkSeveral({ expanded, at, names, report }: SeveralCheck): void {
  const where = [...at, 'subscriptions'];
  const several = listOf(expanded['subscriptions']);
  if (expanded['subscription'] !== undefined)
    report(where, 'value', 'the role has a subscription as well: one of them');
  if (expanded['arguments'] === 'keys')
    report([...at, 'arguments'], 'value', 'a role with several subscriptions takes no binding keys');
  for (const [index, name] of several.entries()) {
    if (typeof name !== 'string') continue;
    if (!names.has(name))
      report([...where, index], 'reference', `unknown subscription ${quote(name)}${didYouMean(name, [...names])}`);
    else if (several.indexOf(name) < index) report([...where, index], 'value', `${quote(name)} is there twice`);
  }
}

/** Fields of a handler, with the kinds of handler that accept them. */
const ownFields = [
  [
    ['env', 'passEnv', 'cleanEnv'],
    ['exec', 'execLines'],
  ],
  [
    ['batch', 'batchWait'],
    ['execLines', 'module'],
  ],
  [['recycleAfter'], ['execLines']],
] as const;

interface HandlerCheck {
  readonly handler: Plain;
  readonly at: Path;
  readonly handlerFault: HandlerFault;
  readonly report: Report;
}

function checkHandler({ handler, at, handlerFault, report }: HandlerCheck): void {
  const reportAt: Report = (path, code, message) => report([...at, ...path], code, message);
  if (!isOneKind(handler, reportAt)) return;
  const fault = handlerFault(handler as HandlerConfig, at);
  if (fault) reportAt(fault.path, 'missing-file', fault.message);
}

/** Reports whether the handler has exactly one kind. */
function isOneKind(handler: Plain, report: Report): boolean {
  const ways = ['builtin', 'exec', 'execLines', 'module'].filter((key) => Object.hasOwn(handler, key));
  for (const [fields, owners] of ownFields) {
    if (owners.some((owner) => ways.includes(owner))) continue;
    for (const field of fields.filter((one) => Object.hasOwn(handler, one))) {
      report([field], 'value', `is only for ${owners.join(' and ')}`);
    }
  }
  const { recycleAfter } = handler;
  if (recycleAfter !== undefined && recycleLimit(String(recycleAfter)) === undefined) {
    report(['recycleAfter'], 'value', `must be ${recycleForms}`);
  }
  if (ways.length === 1) return true;
  const what = ways.length === 0 ? 'needs' : `has ${ways.join(' and ')}:`;
  report([], 'value', `${what} exactly one of builtin (${builtinHandlers.join(', ')}), exec, execLines and module`);
  return false;
}
