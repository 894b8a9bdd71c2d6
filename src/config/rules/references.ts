// Checks that every name in the vhosts, publications and subscriptions of the user's rascal.json refers to an item of
// that file or of the built-in one.

import { isObject, listOf, membersOf, objectOf, type Plain, stringOf } from '../plain.ts';
import { parseBindingName } from '../reading/binding.ts';
import { type Path, quote } from '../reading/problem.ts';
import type { DefinedNames, VhostNames } from './defined-names.ts';
import { type Report, type RuleInput, type Scope, scopesOf, unknownName } from './report.ts';

/** Checks bindings, publications, subscriptions, encryption profiles and counters. Ignores values of the wrong type. */
export function checkReferences(input: RuleInput): void {
  const { file, report } = input;
  for (const scope of scopesOf(file)) {
    if (scope.vhostName !== undefined) checkVhost(input, scope, scope.vhostName);
    for (const [name, value] of itemsOf(scope, 'publications')) checkPublication({ ...input, scope, name, value });
    for (const [name, value] of itemsOf(scope, 'subscriptions')) checkSubscription({ ...input, scope, name, value });
    if (scope.vhostName === undefined) continue;
    for (const kind of ['publications', 'subscriptions']) {
      for (const name of Object.keys(objectOf(scope.value[kind]))) {
        if (definitionsOf(file, kind, name) > 1)
          report([...scope.path, kind, name], 'duplicate', 'duplicate name; the file also defines it in another place');
      }
    }
  }
}

/**
 * Reports publications and subscriptions with encryption. Roles refuse them, because mq sends and receives bodies
 * unchanged.
 */
export function checkEncryption(file: Plain, report: Report): void {
  const message = 'mq does not support encryption; encrypt in the handler, or use Rascal';
  for (const kind of ['publications', 'subscriptions']) {
    const items: { value: unknown; at: Path }[] = scopesOf(file).flatMap(({ value: scope, path }) =>
      Object.entries(objectOf(scope[kind])).map(([name, value]) => ({ value, at: [...path, kind, name] })),
    );
    items.push({ value: objectOf(file['defaults'])[kind], at: ['defaults', kind] });
    for (const { value, at } of items) {
      if (objectOf(value)['encryption'] !== undefined) report([...at, 'encryption'], 'unsupported', message);
    }
  }
}

function itemsOf({ value }: Scope, kind: string): [string, Plain][] {
  return Object.entries(objectOf(value[kind])).flatMap(([name, one]) => (isObject(one) ? [[name, one]] : []));
}

function definitionsOf(file: Plain, kind: string, name: string): number {
  return scopesOf(file).filter(({ value }) => Object.hasOwn(objectOf(value[kind]), name)).length;
}

function checkVhost({ file, names, report }: RuleInput, { value: vhost, path }: Scope, vhostName: string): void {
  // A URL cannot contain these names in its path.
  if (['', '.', '..'].includes(vhostName)) report(path, 'value', `a vhost cannot have the name ${quote(vhostName)}`);
  for (const kind of ['exchanges', 'queues'] as const) checkMembers({ members: vhost[kind], kind, path, report });
  const own = names.vhosts.get(vhostName);
  if (own === undefined) return;
  const defaults = [vhost['defaults'], objectOf(file['defaults'])['vhosts']].map((value) =>
    objectOf(objectOf(value)['bindings']),
  );
  for (const { key, name = '', value } of membersOf(vhost['bindings'])) {
    checkBinding({ binding: value, name, defaults, at: [...path, 'bindings', key], own, names, report });
  }
}

interface MembersCheck {
  readonly members: unknown;
  readonly kind: 'exchanges' | 'queues';
  readonly path: Path;
  readonly report: Report;
}

function checkMembers({ members, kind, path, report }: MembersCheck): void {
  const seen = new Set<string>();
  for (const { key, name, value } of membersOf(members)) {
    const at = [...path, kind, key];
    if (name === undefined) report(at, 'missing', '"name" is missing');
    else if (seen.has(name)) report(at, 'duplicate', `duplicate name ${quote(name)}; remove one of the two`);
    else seen.add(name);
    if (name === '' && kind === 'queues') report(at, 'value', 'a queue requires a name');
    checkName({ value, name, at, report });
  }
}

// Rascal allows a name that differs from its key, but uses the name in some places and the key in others.
function checkName({ value, name, at, report }: { value: Plain; name: string | undefined; at: Path; report: Report }) {
  for (const field of ['name', 'fullyQualifiedName']) {
    const given = stringOf(value[field]);
    if (given !== undefined && name !== undefined && given !== name) {
      report([...at, field], 'value', `must be the same as its key, ${quote(name)}`);
    }
  }
}

interface BindingCheck {
  readonly binding: Plain;
  readonly name: string;
  /** Rascal's defaults for bindings; the first one has precedence. */
  readonly defaults: readonly Plain[];
  readonly at: Path;
  /** Names of the binding's vhost. */
  readonly own: VhostNames;
  readonly names: DefinedNames;
  readonly report: Report;
}

function checkBinding({ binding, name, defaults, at, own, names, report }: BindingCheck): void {
  const parsed = parseBindingName(name);
  const type = [binding, ...defaults].map((one) => one['destinationType']).find((one) => one !== undefined);
  const ends = [
    { field: 'source', fromName: parsed.source, kind: 'exchange' },
    { field: 'destination', fromName: parsed.destination, kind: type === 'exchange' ? 'exchange' : 'queue' },
  ] as const;
  for (const { field, fromName, kind } of ends) {
    const isSet = Object.hasOwn(binding, field);
    const end = isSet ? binding[field] : fromName;
    const where = isSet ? [...at, field] : at;
    if (end === undefined) {
      report(at, 'missing', `"${field}" is missing; set it, or name the binding "source[key] -> destination"`);
    } else if (end === '') {
      // AMQP 0-9-1 specification, 3.1.3.1: the default exchange does not accept bindings.
      report(where, 'value', `the default exchange cannot be the ${field} of a binding`);
    } else if (typeof end === 'string' && !own[`${kind}s`].has(end)) {
      const vhosts = vhostsWith(names, `${kind}s`, end);
      const message =
        vhosts === undefined
          ? unknownName(kind, end, own[`${kind}s`])
          : `unknown ${kind} ${quote(end)}; it is in the vhost ${vhosts}, but a binding connects items of one vhost`;
      report(where, 'reference', message);
    }
  }
}

interface ItemCheck extends RuleInput {
  readonly scope: Scope;
  readonly name: string;
  readonly value: Plain;
}

function checkPublication({ scope, name, value, ...input }: ItemCheck): void {
  const { file, report } = input;
  const at = [...scope.path, 'publications', name];
  checkName({ value, name, at, report });
  const own = vhostOf({ ...input, scope, value, at, kind: 'publications' });
  const isSet = (field: string) => Object.hasOwn(value, field);
  if (isSet('exchange') && isSet('queue')) report(at, 'value', 'sets both an exchange and a queue; keep one');
  if (!isSet('exchange') && !isSet('queue')) report(at, 'missing', 'requires an exchange or a queue');
  for (const field of ['exchange', 'queue', 'replyTo'] as const) resolve({ ...input, scope, value, at, field, own });
  const profiles = Object.keys(objectOf(file['encryption']));
  const profile = stringOf(value['encryption']);
  if (profile !== undefined && !profiles.includes(profile))
    report([...at, 'encryption'], 'reference', unknownName('encryption profile', profile, profiles));
}

function checkSubscription({ scope, name, value, ...input }: ItemCheck): void {
  const { file, report } = input;
  const at = [...scope.path, 'subscriptions', name];
  checkName({ value, name, at, report });
  const own = vhostOf({ ...input, scope, value, at, kind: 'subscriptions' });
  if (value['queue'] === undefined) report(at, 'missing', '"queue" is missing');
  resolve({ ...input, scope, value, at, field: 'queue', own });
  const counters = ['stub', ...membersOf(objectOf(file['redeliveries'])['counters']).flatMap((one) => one.name ?? [])];
  for (const counter of listOf(objectOf(value['redeliveries'])['counter'])) {
    if (typeof counter !== 'string' || counters.includes(counter)) continue;
    report([...at, 'redeliveries', 'counter'], 'reference', unknownName('counter', counter, counters));
  }
}

interface VhostCheck extends RuleInput {
  readonly scope: Scope;
  readonly value: Plain;
  readonly at: Path;
  readonly kind: 'publications' | 'subscriptions';
}

/**
 * Returns the names of the vhost that a publication or subscription belongs to. Reports a vhost that does not exist.
 */
function vhostOf({ file, names, report, scope, value, at, kind }: VhostCheck): VhostNames | undefined {
  const { vhostName } = scope;
  const fallback = objectOf(objectOf(file['defaults'])[kind])['vhost'];
  const name = vhostName ?? value['vhost'] ?? fallback ?? '/';
  if (typeof name !== 'string') return undefined;
  const vhost = names.vhosts.get(name);
  const where = value['vhost'] === undefined ? at : [...at, 'vhost'];
  if (vhost === undefined) report(where, 'reference', unknownName('vhost', name, names.vhosts.keys()));
  else if (vhostName !== undefined && (value['vhost'] ?? vhostName) !== vhostName)
    report([...at, 'vhost'], 'value', `must be ${quote(vhostName)}, the vhost that contains it`);
  return vhost;
}

interface NameCheck extends RuleInput {
  readonly scope: Scope;
  readonly value: Plain;
  readonly at: Path;
  readonly field: 'exchange' | 'queue' | 'replyTo';
  readonly own: VhostNames | undefined;
}

/** Checks that the vhost defines the exchange or queue that a field names. */
function resolve({ names, report, scope, value, at, field, own }: NameCheck): void {
  const name = value[field];
  const kind = field === 'exchange' ? 'exchanges' : 'queues';
  const defined = own?.[kind];
  if (typeof name !== 'string' || defined === undefined || defined.has(name)) return;
  const noun = field === 'replyTo' ? 'reply queue' : field;
  const vhosts = vhostsWith(names, kind, name);
  const remedy = scope.vhostName === undefined ? `set "vhost": ${vhosts}` : 'move this to that vhost';
  const message =
    vhosts === undefined
      ? unknownName(noun, name, defined)
      : `unknown ${noun} ${quote(name)}; it is in the vhost ${vhosts}, so ${remedy}`;
  report([...at, field], 'reference', message);
}

/** Returns the quoted names of the vhosts that define the name, or `undefined` if no vhost does. */
function vhostsWith(names: DefinedNames, kind: keyof VhostNames, name: string): string | undefined {
  const found = [...names.vhosts].filter(([, vhost]) => vhost[kind].has(name)).map(([vhost]) => quote(vhost));
  return found.length === 0 ? undefined : found.join(' or ');
}
