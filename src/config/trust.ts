// What a rascal.json that was only found could do with the user's rights: it may be the file of a stranger. See
// .github/decisions/0009.

import type { FoundFile } from './find.ts';
import { isObject, objectOf, type Plain, without } from './plain.ts';

/** Returns why a file needs the user's consent, one clause each; none: it needs none. `text` must be JSON. */
export function doubtsOf(
  { text, owner }: Pick<FoundFile, 'text' | 'owner'>,
  { uid, builtin }: { uid: number | undefined; builtin: unknown },
): string[] {
  const file = objectOf(JSON.parse(text));
  const builtinRoles = Object.keys(objectOf(objectOf(objectOf(builtin)['mq'])['roles']));
  const variables = hasConnection([file['vhosts'], file['defaults']]) ? variablesOf(withoutHandlers(file)) : [];
  return [
    // root can do anything to the user anyway.
    ...(owner === undefined || uid === undefined || owner === uid || owner === 0 ? [] : ['it belongs to another user']),
    ...Object.entries(rolesOf(file))
      .filter(([name, role]) => builtinRoles.includes(name) && isProgram(objectOf(role)['handler']))
      .map(([name]) => `it gives the built-in role ${name} a program`),
    ...(variables.length === 0
      ? []
      : [`a broker that it names would receive variables of the environment (${variables.join(', ')})`]),
  ];
}

function rolesOf(file: Plain): Plain {
  return objectOf(objectOf(file['mq'])['roles']);
}

function isProgram(handler: unknown): boolean {
  return ['exec', 'execLines', 'module'].some((kind) => Object.hasOwn(objectOf(handler), kind));
}

/** What a handler sets for its program stays on this machine. */
function withoutHandlers(file: Plain): Plain {
  const roles = Object.entries(rolesOf(file)).map(([name, role]) => [name, without(objectOf(role), ['handler'])]);
  return { ...file, mq: { ...objectOf(file['mq']), roles: Object.fromEntries(roles) } };
}

function hasConnection(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasConnection);
  if (!isObject(value)) return false;
  return Object.entries(value).some(([key, one]) => /^connections?$/.test(key) || hasConnection(one));
}

/** The names of the variables in all strings. */
function variablesOf(file: unknown): string[] {
  const found = new Set<string>();
  // As fill.ts replaces them; keys stay as they are.
  JSON.stringify(file, (_key, value: unknown) => {
    if (typeof value !== 'string') return value;
    for (const [, name] of value.matchAll(/\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)/g))
      if (name !== undefined) found.add(name);
    return undefined;
  });
  return [...found];
}
