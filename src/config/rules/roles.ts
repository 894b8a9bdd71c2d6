// Checks that every role has the settings it needs and no others.

import { listenAddress, listenForms } from '../endpoint.ts';
import { isObject, listOf, objectOf, type Plain } from '../plain.ts';
import { type Path, quote } from '../reading/problem.ts';
import { type Behaviour, behaviours, builtinHandlers, expandRole, type HandlerConfig, useOf } from '../role.ts';
import { recycleForms, recycleLimit } from '../size.ts';
import { type Report, type RuleInput, unknownName } from './report.ts';

/** Returns why a handler cannot start on this machine. `path` is relative to the handler. */
export type HandlerFault = (
  handler: HandlerConfig,
  at: Path,
) => { readonly path: Path; readonly message: string } | undefined;

interface RolesInput extends RuleInput {
  /** Names of commands, which no role may have. */
  readonly commandNames: readonly string[];
  /** Returns the fault of a handler. Returns `undefined` if the handler has no fault or an invalid shape. */
  readonly handlerFault: (handler: Plain, at: Path) => ReturnType<HandlerFault>;
}

/** Checks the names, the settings and the handlers of all roles. */
export function checkRoles(input: RolesInput): void {
  const { file, commandNames, report } = input;
  for (const [name, role] of Object.entries(objectOf(objectOf(file['mq'])['roles']))) {
    const at = ['mq', 'roles', name];
    // A role is a subcommand, so its name is one word and cannot look like an option.
    if (!/^[\p{L}\p{N}][\p{L}\p{N}_.:-]*$/u.test(name))
      report(at, 'value', 'the name of a role may contain only letters, digits and _ . : -');
    if (commandNames.includes(name)) report(at, 'value', 'mq has a command of this name; rename the role');
    if (isObject(role)) checkRole({ ...input, role, at });
  }
}

interface RoleCheck extends RolesInput {
  readonly role: Plain;
  readonly at: Path;
}

function checkRole({ role, at, names, handlerFault, report }: RoleCheck): void {
  const ways = ['behaviour', ...behaviours].filter((key) => Object.hasOwn(role, key));
  if (ways.length === 0) report(at, 'missing', `"behaviour" is missing; set it to ${behaviours.join(', ')}`);
  if (ways.length > 1) report(at, 'value', `sets ${ways.join(' and ')}; keep one`);
  const { handler, metrics } = role;
  if (metrics !== undefined && !listenAddress(String(metrics)))
    report([...at, 'metrics'], 'value', `must be ${listenForms}`);
  if (isObject(handler)) checkHandler({ handler, at: [...at, 'handler'], handlerFault, report });
  const expanded = expandRole(role);
  const behaviour = behaviours.find((one) => one === expanded['behaviour']);
  if (behaviour === undefined || ways.length !== 1) return;
  if (useOf(behaviour) === 'publication') {
    checkUse({ role, expanded, behaviour, at, names: names.publications, report });
  } else {
    if (expanded['subscriptions'] !== undefined) checkSeveral({ expanded, at, names: names.subscriptions, report });
    checkUse({ role, expanded, behaviour, at, names: names.subscriptions, report });
  }
}

interface UseCheck {
  readonly role: Plain;
  readonly expanded: Plain;
  readonly behaviour: Behaviour;
  readonly at: Path;
  /** Defined names of the kind that the behaviour uses. */
  readonly names: ReadonlySet<string>;
  readonly report: Report;
}

/** Fields that only a receiving role has. */
const receivingFields = ['subscription', 'subscriptions', 'handler', 'concurrency', 'prefetch', 'retry'];

/** Checks the publication or the subscription of a role, and that it has no field of another behaviour. */
function checkUse({ role, expanded, behaviour, at, names, report }: UseCheck): void {
  const use = useOf(behaviour);
  const used = expanded[use];
  const hasSeveral = use === 'subscription' && expanded['subscriptions'] !== undefined;
  if (used === undefined && !hasSeveral) report(at, 'missing', `a ${behaviour} role requires a ${use}`);
  if (typeof used === 'string' && !names.has(used)) {
    const where = [...at, Object.hasOwn(role, behaviour) ? behaviour : use];
    report(where, 'reference', unknownName(use, used, names));
  }
  for (const field of use === 'publication' ? receivingFields : ['publication']) {
    if (Object.hasOwn(role, field))
      report([...at, field], 'value', `a ${behaviour} role does not accept "${field}"; remove it`);
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
  if (expanded['subscription'] !== undefined) report(where, 'value', 'the role also sets "subscription"; keep one');
  if (expanded['arguments'] === 'keys')
    report([...at, 'arguments'], 'value', 'a role with several subscriptions does not accept binding keys');
  for (const [index, name] of several.entries()) {
    if (typeof name !== 'string') continue;
    if (!names.has(name)) report([...where, index], 'reference', unknownName('subscription', name, names));
    else if (several.indexOf(name) < index)
      report([...where, index], 'value', `duplicate subscription ${quote(name)}; remove it`);
  }
}

interface HandlerCheck extends Pick<RolesInput, 'handlerFault' | 'report'> {
  readonly handler: Plain;
  readonly at: Path;
}

function checkHandler({ handler, at, handlerFault, report }: HandlerCheck): void {
  const reportAt: Report = (path, code, message) => report([...at, ...path], code, message);
  if (!isOneKind(handler, reportAt)) return;
  const fault = handlerFault(handler, at);
  if (fault) reportAt(fault.path, 'missing-file', fault.message);
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

/** Reports whether the handler has exactly one kind. Also reports fields that its kind does not accept as problems. */
function isOneKind(handler: Plain, report: Report): boolean {
  const kinds = ['builtin', 'exec', 'execLines', 'module'].filter((key) => Object.hasOwn(handler, key));
  for (const [fields, owners] of ownFields) {
    if (owners.some((owner) => kinds.includes(owner))) continue;
    for (const field of fields.filter((one) => Object.hasOwn(handler, one))) {
      report([field], 'value', `applies only to ${owners.join(' and ')}`);
    }
  }
  const { recycleAfter } = handler;
  if (recycleAfter !== undefined && recycleLimit(String(recycleAfter)) === undefined) {
    report(['recycleAfter'], 'value', `must be ${recycleForms}`);
  }
  if (kinds.length === 1) return true;
  const all = `builtin (${builtinHandlers.join(', ')}), exec, execLines or module`;
  report(
    [],
    'value',
    kinds.length === 0 ? `requires one of ${all}` : `sets ${kinds.join(' and ')}; set exactly one of ${all}`,
  );
  return false;
}
