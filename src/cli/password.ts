// A password that stands in no command line: from --password-file, or a variable.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Context } from '../context.ts';
import { MqError, systemReason } from '../errors.ts';
import type { Values } from './values.ts';

/** Undefined: none is given. Throws USAGE if it is empty. */
export async function readPassword(
  { cwd, env }: Context,
  values: Values,
  variable: string,
): Promise<string | undefined> {
  const file = values.name('password-file');
  const password = file === undefined ? env[variable] : await read(cwd, file);
  if (password === '')
    throw values.usage(file === undefined ? `${variable} is empty` : `the password in ${file} is empty`);
  return password;
}

async function read(cwd: string, file: string): Promise<string> {
  try {
    return (await readFile(resolve(cwd, file), 'utf8')).replace(/\r?\n$/, '');
  } catch (error) {
    throw new MqError('NO_INPUT', `cannot read ${file}: ${systemReason(error)}`, { at: file, cause: error });
  }
}
