// Resolves a reference to a secret: a variable, a file or a command.

import { keepSecret } from '../../../config/redact.ts';
import type { Context } from '../../../context.ts';
import { MqError } from '../../../errors.ts';
import { secretIn, withoutEnd } from '../password.ts';

/** Where a secret is. Exactly one of the keys is set. A file is an absolute path. */
export interface Reference {
  readonly env?: string;
  readonly file?: string;
  readonly command?: string;
}

type World = Pick<Context, 'env' | 'cwd' | 'stdin'> & Partial<Pick<Context, 'drain'>>;

/**
 * Returns the secret, which no output shows from now on.
 * @param from what the reference belongs to, for messages: `the connection 'prod'`
 * @throws MqError USAGE if the variable is not set, NO_INPUT, BAD_DATA if the secret is empty, and the errors of a command
 */
export async function secretAt(world: World, reference: Reference, from: string): Promise<string> {
  const secret = await read(world, reference, from);
  if (secret === '') throw new MqError('BAD_DATA', `the secret of ${from} is empty`, { at: originOf(reference) });
  keepSecret(secret);
  return secret;
}

/** A first word of a command that cannot be `NAME=secret`, a redirection or an address with a password. */
const program = /^[\w./+-]+$/;

/** Describes a reference. Only the program of a command is shown, because everything else may contain a secret. */
export function originOf({ env, file, command }: Reference): string {
  if (env !== undefined) return `variable ${env}`;
  if (file !== undefined) return `file ${file}`;
  const [first = ''] = command?.trim().split(/\s/) ?? [];
  return program.test(first) ? `command ${first} …` : 'command …';
}

async function read(world: World, { env, file, command = '' }: Reference, from: string): Promise<string> {
  if (env !== undefined) {
    const value = world.env[env];
    if (value !== undefined) return value;
    throw new MqError('USAGE', `the variable ${env} of ${from} is not set`, { at: env });
  }
  if (file !== undefined) return secretIn(world, file);
  const { outputOf } = await import('../../../login/token-command.ts');
  return withoutEnd(await outputOf({ command, folder: world.cwd, from }, 'a secret'));
}
