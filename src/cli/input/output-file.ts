// Refuses an output file that the same command line reads.

import { promises } from 'node:fs';
import { resolve } from 'node:path';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import type { Values } from '../arguments/values.ts';

interface OutputFile {
  readonly file: string;
  /** The option that names the file, or the action: `--out`. */
  readonly from: string;
  /** More files that the command reads. */
  readonly inputs?: readonly string[];
}

/** Options that name a file to read. */
const inputOptions = [
  'against',
  'url-file',
  'ca',
  'cert',
  'key',
  'key-password-file',
  'password-file',
  'new-password-file',
];

/**
 * Throws USAGE if the output file is rascal.json, the file of another option or of a variable, or one of the other
 * inputs. Links and other paths to the same file are found. Devices and pipes are accepted.
 */
export async function refuseInput(
  { cwd, env }: Pick<Context, 'cwd' | 'env'>,
  values: Values,
  { file, from, inputs = [] }: OutputFile,
): Promise<void> {
  const output = await identityOf(resolve(cwd, file));
  if (output === undefined) return;
  const config = values.name('config') ?? (env['MQ_CONFIG'] || 'rascal.json');
  const options = inputOptions.flatMap((name) => values.name(name) ?? []);
  const variables = Object.entries(env).flatMap(([name, value]) =>
    /^MQ_(.*_FILE|CA|CERT|KEY)$/.test(name) ? (value ?? []) : [],
  );
  for (const input of [config, ...options, ...variables, ...inputs])
    if ((await identityOf(resolve(cwd, input))) === output)
      throw new MqError('USAGE', `${from} would change ${input}, which this command reads`, {
        at: from,
        hint: 'write to another file',
      });
}

/** Reports whether the path is a device, a pipe or a folder. */
export async function isSpecialFile(path: string): Promise<boolean> {
  const found = await promises.stat(path).catch(() => undefined);
  return found !== undefined && !found.isFile();
}

/** Returns a text that is the same for all paths to a regular file, or `undefined` if there is no such file. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await promises.stat(path, { bigint: true }).catch(() => undefined);
  return found?.isFile() ? `${found.dev} ${found.ino}` : undefined;
}
