// Reads variables of a login, and secrets that must not be arguments: from a variable, or from a file that a variable or
// an option names.

import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import type { Values } from '../arguments/values.ts';
import { readText } from './files.ts';

type SecretWorld = Parameters<typeof readText>[0];

/** A secret, and the name of the variable or option that contained it, for messages. */
export interface Secret {
  readonly text: string;
  readonly from: string;
}

/**
 * Returns the value of the variable, or the content of the file that `<variable>_FILE` names. Container platforms mount
 * secrets as such files.
 * @throws MqError USAGE if both are set or the name of the file is empty, NO_INPUT if the file cannot be read
 */
export async function secretOf(context: SecretWorld & Pick<Context, 'env'>, variable: string) {
  const { env } = context;
  const [text, file] = [env[variable], filled(env, `${variable}_FILE`)];
  if (file === undefined) return text === undefined ? undefined : { text, from: variable };
  if (text !== undefined)
    throw new MqError('USAGE', `${variable} and ${variable}_FILE are both set`, { hint: 'unset one of them' });
  return { text: await secretIn(context, file), from: `${variable}_FILE` };
}

/**
 * Returns the value of the variable, or `undefined` if it is not set. An empty variable is an error, because a script
 * whose variable is empty by mistake would otherwise use another broker or login.
 * @throws MqError USAGE if the variable is empty
 */
export function filled(env: Readonly<Record<string, string | undefined>>, variable: string): string | undefined {
  const value = env[variable];
  if (value !== '') return value;
  throw new MqError('USAGE', `${variable} is empty`, { at: variable, hint: 'unset it, or set its value' });
}

/** Returns the text of a file without the newlines at its end. */
export async function secretIn(context: SecretWorld, file: string): Promise<string> {
  return withoutEnd(await readText(context, file));
}

/** Returns the text without the newlines at its end. */
export function withoutEnd(text: string): string {
  return text.replace(/(?<!\n|\r(?=\n))(?:\r?\n)+$/, '');
}

/**
 * Returns the password of --password-file, otherwise of the variable, or `undefined` if neither is given. Throws USAGE
 * if the password is empty.
 */
export async function readPassword(context: Context, values: Values, variable: string): Promise<string | undefined> {
  const file = values.name('password-file');
  const secret =
    file === undefined ? await secretOf(context, variable) : { text: await secretIn(context, file), from: file };
  if (secret?.text === '') throw values.usage(`the password in ${secret.from} is empty`);
  return secret?.text;
}
