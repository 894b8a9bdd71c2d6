// Checks that every name in the user's rascal.json refers to an item of that file or of the built-in one.

import { isObject, listOf, membersOf, objectOf, type Plain, stringOf } from '../plain.ts';
import { parseBindingName } from '../reading/binding.ts';
import { didYouMean, type Path, type ProblemCode, quote } from '../reading/problem.ts';
import type { DefinedNames, VhostNames } from './defined-names.ts';

/** Reports a problem at a path. */
export type Report = (path: Path, code: ProblemCode, message: string) => void;

/** Checks bindings, publications, subscriptions, encryption profiles and counters. Ignores values of the wrong type. */
export function checkReferences({ file, known, report }: { file: Plain; known: DefinedNames; report: Report }): void {
  const defaults = objectOf(file['defaults']);
  const check = { file, known, report };
  for (const [vhostName, value] of Object.entries(objectOf(file['vhosts']))) {
    const path = ['vhosts', vhostName];
    const vhost = objectOf(value);
    // A URL cannot contain these as its path.
    if (['', '.', '..'].includes(vhostName)) report(path, 'value', `a vhost cannot be named ${quote(vhostName)}`);
    checkMembers({ vhost, path, report });
    const names = known.vhosts.get(vhostName);
    if (names !== undefined) checkBindings({ vhost, path, names, known, defaults, report });
    checkUses({ ...check, scope: vhost, path, vhostName });
    for (const kind of ['publications', 'subscriptions']) {
      for (const name of Object.keys(objectOf(vhost[kind]))) {
        if (definitionsOf(file, kind, name) > 1) report([...path, kind, name], 'duplicate', 'the name is there twice');
      }
    }
  }
  checkUses({ ...check, scope: file, path: [], vhostName: undefined });
}

/**
 * Reports encryption, because mq sends and receives bodies unchanged. A role refuses a publication or subscription with
 * encryption.
 */
export function checkEncryption(file: Plain, report: Report): void {
  const scopes = [
    { scope: file, path: [] as Path },
    ...Object.entries(objectOf(file['vhosts'])).map(([name, vhost]) => ({
      scope: objectOf(vhost),
      path: ['vhosts', name],
    })),
  ];
  const message = 'mq does not encrypt or decrypt: encrypt in the handler, or use Rascal itself';
  for (const kind of ['publications', 'subscriptions']) {
    const places = scopes.flatMap(({ scope, path }) =>
      Object.entries(objectOf(scope[kind])).map(([name, value]) => ({ value, at: [...path, kind, name] as Path })),
    );
    places.push({ value: objectOf(file['defaults'])[kind], at: ['defaults', kind] });
    for (const { value, at } of places) {
      if (objectOf(value)['encryption'] !== undefined) report([...at, 'encryption'], 'unsupported', message);
    }
  }
}

function definitionsOf(file: Plain, kind: string, name: string): number {
  const scopes = [file, ...Object.values(objectOf(file['vhosts'])).map(objectOf)];
  return scopes.filter((scope) => Object.hasOwn(objectOf(scope[kind]), name)).length;
}

function checkMembers({ vhost, path, report }: { vhost: Plain; path: Path; report: Report }): void {
  for (const kind of ['exchanges', 'queues']) {
    const seen = new Set<string>();
    for (const { key, name, value } of membersOf(vhost[kind])) {
      const at = [...path, kind, key];
      if (name === undefined) report(at, 'missing', '"name" is missing');
      else if (seen.has(name)) report(at, 'duplicate', `${quote(name)} is there twice`);
      else seen.add(name);
      if (name === '' && kind === 'queues') report(at, 'value', 'a queue needs a name');
      checkName({ value, name, at, report });
    }
  }
}

// Rascal allows a name that differs from its key, and uses sometimes the one and sometimes the other.
function checkName({ value, name, at, report }: { value: Plain; name: string | undefined; at: Path; report: Report }) {
  for (const field of ['name', 'fullyQualifiedName']) {
    const given = stringOf(value[field]);
    if (given !== undefined && name !== undefined && given !== name) {
      report([...at, field], 'value', `must be its key, ${quote(name)}`);
    }
  }
}

interface VhostCheck {
  vhost: Plain;
  path: Path;
  names: VhostNames;
  known: DefinedNames;
  defaults: Plain;
  report: Report;
}

function checkBindings({ vhost, path, names, known, defaults, report }: VhostCheck): void {
  const given = [vhost['defaults'], defaults['vhosts']].map((value) => objectOf(objectOf(value)['bindings']));
  for (const { key, name = '', value } of membersOf(vhost['bindings'])) {
    const at = [...path, 'bindings', key];
    const parsed = parseBindingName(name);
    const type = [value, ...given].map((binding) => binding['destinationType']).find((one) => one !== undefined);
    const ends = [
      { field: 'source', from: parsed.source, kind: 'exchange' },
      { field: 'destination', from: parsed.destination, kind: type === 'exchange' ? 'exchange' : 'queue' },
    ] as const;
    for (const { field, from, kind } of ends) {
      const kinds = `${kind}s` as const;
      const set = names[kinds];
      const end = Object.hasOwn(value, field) ? value[field] : from;
      const where = Object.hasOwn(value, field) ? [...at, field] : at;
      if (end === undefined) {
        report(at, 'missing', `${quote(field)} is missing (or the key is written "source[key] -> destination")`);
      } else if (end === '') {
        // AMQP 0-9-1, 3.1.3.1: the default exchange does not accept bindings.
        report(where, 'value', `the default exchange cannot be the ${field} of a binding`);
      } else if (typeof end === 'string' && !set.has(end)) {
        const there = vhostsWith(known, kinds, end);
        const hint =
          there === undefined
            ? didYouMean(end, [...set])
            : `: it is in the vhost ${there}, and a binding is in one vhost`;
        report(where, 'reference', `unknown ${kind} ${quote(end)}${hint}`);
      }
    }
  }
}

interface Use {
  file: Plain;
  known: DefinedNames;
  report: Report;
  /** The file or vhost that contains the publications and subscriptions. */
  scope: Plain;
  path: Path;
  /** Name of the vhost, if the scope is a vhost. */
  vhostName: string | undefined;
}

function checkUses({ file, known, report, scope, path, vhostName }: Use): void {
  const defaults = objectOf(file['defaults']);
  const profiles = Object.keys(objectOf(file['encryption']));
  for (const [name, value] of Object.entries(objectOf(scope['publications']))) {
    if (!isObject(value)) continue;
    const at = [...path, 'publications', name];
    checkName({ value, name, at, report });
    const vhost = vhostOf(value, at, objectOf(defaults['publications']));
    const ends = ['exchange', 'queue'].filter((field) => Object.hasOwn(value, field));
    if (ends.length !== 1) {
      const what = ends.length === 0 ? 'needs an exchange or a queue' : 'has an exchange and a queue: one of them';
      report(at, ends.length === 0 ? 'missing' : 'value', what);
    }
    if (ends.includes('exchange')) resolve(value, at, 'exchange', vhost);
    if (ends.includes('queue')) resolve(value, at, 'queue', vhost);
    resolve(value, at, 'replyTo', vhost);
    const profile = stringOf(value['encryption']);
    if (profile !== undefined && !profiles.includes(profile)) {
      const hint = didYouMean(profile, profiles);
      report([...at, 'encryption'], 'reference', `unknown encryption profile ${quote(profile)}${hint}`);
    }
  }
  const counters = [
    'stub',
    ...membersOf(objectOf(file['redeliveries'])['counters']).map((member) => member.name ?? ''),
  ];
  for (const [name, value] of Object.entries(objectOf(scope['subscriptions']))) {
    if (!isObject(value)) continue;
    const at = [...path, 'subscriptions', name];
    checkName({ value, name, at, report });
    const vhost = vhostOf(value, at, objectOf(defaults['subscriptions']));
    if (value['queue'] === undefined) report(at, 'missing', '"queue" is missing');
    resolve(value, at, 'queue', vhost);
    for (const counter of listOf(objectOf(value['redeliveries'])['counter'])) {
      if (typeof counter !== 'string' || counters.includes(counter)) continue;
      const hint = didYouMean(counter, counters);
      report([...at, 'redeliveries', 'counter'], 'reference', `unknown counter ${quote(counter)}${hint}`);
    }
  }

  function vhostOf(value: Plain, at: Path, fallback: Plain): VhostNames | undefined {
    const name = vhostName ?? value['vhost'] ?? fallback['vhost'] ?? '/';
    if (typeof name !== 'string') return undefined;
    const vhost = known.vhosts.get(name);
    const hint = didYouMean(name, [...known.vhosts.keys()]);
    const where = value['vhost'] === undefined ? at : [...at, 'vhost'];
    if (vhost === undefined) report(where, 'reference', `unknown vhost ${quote(name)}${hint}`);
    else if (vhostName !== undefined && (value['vhost'] ?? vhostName) !== vhostName) {
      report([...at, 'vhost'], 'value', `must be the vhost it stands in, ${quote(vhostName)}`);
    }
    return vhost;
  }

  function resolve(
    value: Plain,
    at: Path,
    field: 'exchange' | 'queue' | 'replyTo',
    vhost: VhostNames | undefined,
  ): void {
    const name = value[field];
    const names = vhost?.[field === 'exchange' ? 'exchanges' : 'queues'];
    if (typeof name !== 'string' || names === undefined || names.has(name)) return;
    const kind = field === 'replyTo' ? 'reply queue' : field;
    report(
      [...at, field],
      'reference',
      `unknown ${kind} ${quote(name)}${elsewhere(field, name) ?? didYouMean(name, [...names])}`,
    );
  }

  /** Returns how to refer to a name that only other vhosts define. */
  function elsewhere(field: 'exchange' | 'queue' | 'replyTo', name: string): string | undefined {
    const there = vhostsWith(known, field === 'exchange' ? 'exchanges' : 'queues', name);
    if (there === undefined) return undefined;
    const way = vhostName === undefined ? `set "vhost": ${there}` : 'move this there';
    return `: it is in the vhost ${there}: ${way}`;
  }
}

/** Returns the quoted names of the vhosts that define the name, or `undefined` if no vhost does. */
function vhostsWith(known: DefinedNames, kind: keyof VhostNames, name: string): string | undefined {
  const found = [...known.vhosts].filter(([, vhost]) => vhost[kind].has(name)).map(([vhost]) => quote(vhost));
  return found.length === 0 ? undefined : found.join(' or ');
}
