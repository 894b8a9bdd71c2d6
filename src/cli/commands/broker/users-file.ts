// Reads the users file of mq broker. Its form is the part of RabbitMQ's exported definitions that describes users, with
// references to passwords.

import { dirname, resolve } from 'node:path';
import type { InitialUser } from '../../../broker/server.ts';
import { checkedJson, type Field } from '../../../config/check.ts';
import { listOf, objectOf, type Plain, stringOf } from '../../../config/plain.ts';
import type { Context } from '../../../context.ts';
import { MqError } from '../../../errors.ts';
import { withoutEnd } from '../../input/password.ts';
import { readableSecrets, readPrivate } from '../../input/private-file.ts';

const shortText = (description: string): Field => ({ is: ['string'], description, maxBytes: 255 });
const pattern = (description: string): Field => ({ is: ['string'], description });
/** A value of a wrong type may be the password itself, so no message shows it. */
const reference = (description: string): Field => ({ is: ['string'], description, secret: true });
const rows = (description: string, fields: Record<string, Field>, required: readonly string[]): Field => {
  return { is: ['array'], description, items: { is: ['object'], description, fields, required } };
};

/** Keys of a user that set the password. */
const passwordKeys = ['password_env', 'password_file', 'password_hash'];

const userFields: Record<string, Field> = {
  name: shortText('name of the user, or the name in a client certificate'),
  tags: { is: ['array', 'string'], description: 'tags', items: { is: ['string'], description: 'tag' } },
  password: { is: [], description: 'refused, because the file would contain the password' },
  password_env: reference('environment variable that contains the password'),
  password_file: reference('file that contains the password'),
  password_hash: { is: ['string'], description: 'hash of the password', secret: true },
  hashing_algorithm: pattern('algorithm of the hash'),
  token: { is: ['boolean'], description: 'connection.update-secret accepts only the current password' },
  limits: { is: ['object'], description: 'limits, which must be empty', fields: {} },
};
const fileField: Field = {
  is: ['object'],
  description: 'users of the broker',
  required: ['users'],
  fields: {
    users: { ...rows('users', userFields, ['name']), minItems: 1 },
    permissions: rows(
      'permissions',
      {
        user: shortText('name of the user'),
        vhost: shortText('virtual host'),
        configure: pattern('pattern of names'),
        write: pattern('pattern of names'),
        read: pattern('pattern of names'),
      },
      ['user', 'vhost', 'configure', 'write', 'read'],
    ),
    topic_permissions: rows(
      'topic permissions',
      {
        user: shortText('name of the user'),
        vhost: shortText('virtual host'),
        exchange: shortText('topic exchange'),
        write: pattern('pattern of routing keys'),
        read: pattern('pattern of routing keys'),
      },
      ['user', 'vhost', 'exchange', 'write', 'read'],
    ),
  },
};

type FileContext = Pick<Context, 'cwd' | 'env' | 'uid' | 'stdin' | 'drain'>;

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * Returns the users of the file with their passwords and permissions.
 * @throws MqError CONFIG with the position of each problem, NO_INPUT if a file cannot be read, and NOT_PERMITTED if other
 * users can change the file, or if they can read a file with hashes
 */
export async function usersOfFile(context: FileContext, file: string): Promise<InitialUser[]> {
  const { text, isReadable } = await readPrivate(context, file, 'group');
  const passwords = new Map<string, InitialUser['password']>();
  const content = await checkedJson(text, {
    file,
    field: fileField,
    faults: async (found) => [
      ...nameFaults(found),
      ...(await patternFaults(found)),
      ...(await passwordFaults(context, { found, folder: dirname(resolve(context.cwd, file)), passwords })),
    ],
  });
  const users = rowsOf(content, 'users');
  if (isReadable && users.some((user) => user['password_hash'] !== undefined))
    throw readableSecrets(file, 'hashes of passwords');
  return users.map((user) => ({
    name: textIn(user, 'name'),
    tags: tagsOf(user['tags']),
    password: passwords.get(textIn(user, 'name')) ?? null,
    hasToken: user['token'] === true,
    ...permissionsOf(content, textIn(user, 'name')),
  }));
}

function permissionsOf(content: Plain, name: string): Pick<InitialUser, 'permissions' | 'topicPermissions'> {
  const own = (key: string) => rowsOf(content, key).filter(({ user }) => user === name);
  return {
    permissions: own('permissions').map((row) => ({
      vhost: textIn(row, 'vhost'),
      configure: textIn(row, 'configure'),
      write: textIn(row, 'write'),
      read: textIn(row, 'read'),
    })),
    topicPermissions: own('topic_permissions').map((row) => ({
      vhost: textIn(row, 'vhost'),
      exchange: textIn(row, 'exchange'),
      write: textIn(row, 'write'),
      read: textIn(row, 'read'),
    })),
  };
}

/** Reports two users with one name, and permissions of a user that the file does not define. */
function nameFaults(content: Plain): Fault[] {
  const names = rowsOf(content, 'users').map(({ name }) => name);
  const nameless = names.flatMap((name, index) => {
    return name === '' ? [{ path: ['users', index, 'name'], message: 'the name is empty' }] : [];
  });
  const repeated = names.flatMap((name, index) => {
    return names.indexOf(name) < index
      ? [{ path: ['users', index, 'name'], message: 'another user has this name' }]
      : [];
  });
  const unknown = ['permissions', 'topic_permissions'].flatMap((key) =>
    rowsOf(content, key).flatMap(({ user }, index) =>
      names.includes(user) ? [] : [{ path: [key, index, 'user'], message: 'the file defines no user with this name' }],
    ),
  );
  return [...nameless, ...repeated, ...unknown];
}

async function patternFaults(content: Plain): Promise<Fault[]> {
  const { loadPatterns, patternTest } = await import('../../../broker/patterns.ts');
  const all = ['permissions', 'topic_permissions'].flatMap((key) =>
    rowsOf(content, key).flatMap((row, index) =>
      ['configure', 'write', 'read'].flatMap((access) => {
        return row[access] === undefined ? [] : [{ path: [key, index, access], source: textIn(row, access) }];
      }),
    ),
  );
  await loadPatterns(all.map(({ source }) => source));
  return all.flatMap(({ path, source }) => {
    try {
      patternTest(source);
      return [];
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return [{ path, message: `is not a regular expression: ${error.message}` }];
    }
  });
}

interface PasswordSource {
  readonly found: Plain;
  /** Folder of the users file. */
  readonly folder: string;
  /** Receives the passwords by the names of the users. */
  readonly passwords: Map<string, InitialUser['password']>;
}

async function passwordFaults(context: FileContext, { found, folder, passwords }: PasswordSource): Promise<Fault[]> {
  const faults: Fault[] = [];
  for (const [index, user] of rowsOf(found, 'users').entries()) {
    const given = passwordKeys.filter((key) => user[key] !== undefined);
    const [key] = given;
    const report = (at: string, message: string) => faults.push({ path: ['users', index, at], message });
    if (user['password'] !== undefined) report('password', refusedPassword);
    else if (given.length > 1) report(given[1] ?? '', `${given.join(' and ')} exclude each other`);
    else if (key === undefined) {
      if (user['token'] === true) report('token', `a token requires ${passwordKeys.join(', ')}`);
    } else {
      const password = await passwordOf(context, { user, key, folder });
      if ('fault' in password) report(key, password.fault);
      else passwords.set(textIn(user, 'name'), password.value);
    }
  }
  return faults;
}

const refusedPassword =
  'the file would contain the password; use password_env (a variable), password_file (a file) or password_hash (from mq admin export definitions)';

type FoundPassword = { readonly value: InitialUser['password'] } | { readonly fault: string };

async function passwordOf(
  context: FileContext,
  { user, key, folder }: { user: Plain; key: string; folder: string },
): Promise<FoundPassword> {
  const reference = textIn(user, key);
  if (key === 'password_hash') {
    const { passwordOfHash } = await import('../../../broker/server.ts');
    const value = passwordOfHash(reference, stringOf(user['hashing_algorithm']));
    return typeof value === 'string' ? { fault: value } : { value };
  }
  if (key === 'password_env') {
    const value = context.env[reference];
    if (value === undefined) return { fault: `the environment variable ${reference} is not set` };
    return value === '' ? { fault: `the environment variable ${reference} is empty` } : { value };
  }
  try {
    const value = withoutEnd((await readPrivate(context, resolve(folder, reference), 'group')).text);
    return value === '' ? { fault: 'the file is empty' } : { value };
  } catch (error) {
    if (error instanceof MqError && error.code === 'NO_INPUT') return { fault: error.message };
    throw error;
  }
}

function rowsOf(content: Plain, key: string): Plain[] {
  return listOf(content[key]).map(objectOf);
}

function textIn(row: Plain, key: string): string {
  return stringOf(row[key]) ?? '';
}

/** RabbitMQ exports tags as a list, and before version 3.10 as a text with commas. */
function tagsOf(tags: unknown): string[] {
  const all = typeof tags === 'string' ? tags.split(',') : listOf(tags).flatMap((tag) => stringOf(tag) ?? []);
  return all.map((tag) => tag.trim()).filter((tag) => tag !== '');
}
