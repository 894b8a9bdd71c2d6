// Reads the names of a rascal.json for completions. The rascal.json is not checked, because the user waits and because
// it may be incomplete.

import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { membersOf, objectOf, type Plain, stringOf } from '../../config/plain.ts';
import { type Behaviour, behaviours, expandRole, subscriptionNames } from '../../config/role.ts';
import type { Context } from '../../context.ts';
import { optionSets } from '../arguments/options.ts';
import { earlyValue } from '../arguments/program.ts';
import type { KnownNames } from '../command.ts';
import { connectionsPath } from '../input/connections-path.ts';

/**
 * Returns the names in the built-in file and in the user's file: that of a typed --config, otherwise MQ_CONFIG,
 * otherwise ./rascal.json.
 */
export function knownNames(
  { env, cwd }: Pick<Context, 'env' | 'cwd'>,
  { typed, builtin }: { typed: readonly string[]; builtin: unknown },
): KnownNames {
  const file = earlyValue(typed, 'config') ?? (env['MQ_CONFIG'] || 'rascal.json');
  const contents = [objectOf(builtin), readPlain(resolve(cwd, file))];
  const scopes = contents.flatMap((content) => [content, ...vhostsOf(content)]);
  const keys = (kind: string) => unique(scopes.flatMap((scope) => Object.keys(objectOf(scope[kind]))));
  const members = (kind: string) =>
    unique(
      contents
        .flatMap(vhostsOf)
        .flatMap((vhost) => membersOf(vhost[kind]))
        .flatMap(({ name }) => name ?? []),
    );
  return {
    roles: new Map(contents.flatMap(rolesOf)),
    publications: keys('publications'),
    subscriptions: keys('subscriptions'),
    queues: members('queues'),
    exchanges: members('exchanges'),
    connections: unique(Object.keys(objectOf(readPlain(connectionsPath({ env }))['connections']))),
  };
}

/** Maximum size of a file that is read. A hand-written file is smaller. */
const mostBytes = 4 * 1024 * 1024;

function readPlain(path: string): Plain {
  try {
    // Reading a pipe or a large file would block while the user types.
    const found = statSync(path);
    if (!found.isFile() || found.size > mostBytes) return {};
    return objectOf(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return {};
  }
}

function vhostsOf(content: Plain): Plain[] {
  return Object.values(objectOf(content['vhosts'])).map(objectOf);
}

function rolesOf(content: Plain) {
  return Object.entries(objectOf(objectOf(content['mq'])['roles'])).flatMap(([name, value]) => {
    const role = expandRole(objectOf(value));
    const behaviour = behaviours.find((one: Behaviour) => one === role['behaviour']);
    const summary =
      stringOf(role['summary']) ?? `${behaviour} ${role['publication'] ?? subscriptionNames(role).join(', ')}`;
    return behaviour && isTypable(name) ? [[name, { summary, options: optionSets[behaviour] }] as const] : [];
  });
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].filter(isTypable);
}

/** Checks whether a shell can show and type the name: it must not contain control characters. */
function isTypable(name: string): boolean {
  // V8 needs milliseconds to compile the Unicode class, so a name in ASCII is accepted first.
  return /^[ -~]+$/.test(name) || (name !== '' && !/\p{C}/u.test(name));
}
