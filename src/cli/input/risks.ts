// Finds harmful things that a rascal.json could do with the user's rights. If the user did not name the file, another
// person may have written it. See .github/docs/decisions/0009.

import { isLoopback } from '../../broker/loopback.ts';
import { listenAddress } from '../../config/endpoint.ts';
import type { FoundFile } from '../../config/find.ts';
import { isObject, objectOf, type Plain, without } from '../../config/plain.ts';

/**
 * Returns the reasons why a file needs the user's consent, one clause for each. The list is empty if no consent is
 * needed. `text` must be JSON. `token` is the variable or option of a token that the addresses in the file would get.
 */
export function risksOf(
  { text, owner }: Pick<FoundFile, 'text' | 'owner'>,
  { uid, builtin, token }: { uid: number | undefined; builtin: unknown; token?: string | undefined },
): string[] {
  const file = objectOf(JSON.parse(text));
  const builtinRoles = Object.keys(objectOf(objectOf(objectOf(builtin)['mq'])['roles']));
  const isConnecting = hasConnection([file['vhosts'], file['defaults']]);
  const variables = isConnecting ? variablesOf(withoutHandlers(file)) : [];
  return [
    // root has full access to the user's files in any case.
    ...(owner === undefined || uid === undefined || owner === uid || owner === 0 ? [] : ['it belongs to another user']),
    ...Object.entries(rolesOf(file))
      .filter(([name, role]) => builtinRoles.includes(name) && isProgram(objectOf(role)['handler']))
      .map(([name]) => `it runs a program in the built-in role ${name}`),
    ...Object.entries(rolesOf(file))
      .filter(([, role]) => isOpenToOthers(objectOf(role)['metrics']))
      .map(([name]) => `the metrics of its role ${name} would be open to other machines`),
    ...(variables.length === 0
      ? []
      : [`a broker that it names would receive variables of the environment (${variables.join(', ')})`]),
    ...(isConnecting && token !== undefined ? [`a broker that it names would receive your token (${token})`] : []),
  ];
}

function rolesOf(file: Plain): Plain {
  return objectOf(objectOf(file['mq'])['roles']);
}

function isProgram(handler: unknown): boolean {
  return ['exec', 'execLines', 'module'].some((kind) => Object.hasOwn(objectOf(handler), kind));
}

/** Returns `true` if other machines could connect. This includes an address with a variable, whose value is unknown. */
function isOpenToOthers(metrics: unknown): boolean {
  if (metrics === undefined) return false;
  const address = listenAddress(String(metrics));
  return address === undefined || !isLoopback(address.host);
}

/** Removes the handlers, because the variables of their programs are not sent to a broker. */
function withoutHandlers(file: Plain): Plain {
  const roles = Object.entries(rolesOf(file)).map(([name, role]) => [name, without(objectOf(role), ['handler'])]);
  return { ...file, mq: { ...objectOf(file['mq']), roles: Object.fromEntries(roles) } };
}

function hasConnection(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(hasConnection);
  if (!isObject(value)) return false;
  return Object.entries(value).some(([key, one]) => /^connections?$/.test(key) || hasConnection(one));
}

/** Returns the names of the variables in all strings. */
function variablesOf(file: unknown): string[] {
  const found = new Set<string>();
  // Matches the variables that config/reading/environment.ts replaces. Keys are ignored.
  JSON.stringify(file, (_key, value: unknown) => {
    if (typeof value !== 'string') return value;
    for (const [, name] of value.matchAll(/\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)/g))
      if (name !== undefined) found.add(name);
    return undefined;
  });
  return [...found];
}
