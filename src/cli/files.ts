// A file of the user, as text.

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Context } from '../context.ts';
import { MqError, systemReason } from '../errors.ts';

/** `-` is standard input. Throws NO_INPUT. */
export async function readText({ cwd, stdin }: Pick<Context, 'cwd' | 'stdin'>, file: string): Promise<string> {
  try {
    return file === '-' ? await text(stdin) : await readFile(resolve(cwd, file), 'utf8');
  } catch (error) {
    const shown = file === '-' ? 'standard input' : file;
    throw new MqError('NO_INPUT', `cannot read ${shown}: ${systemReason(error)}`, { at: shown, cause: error });
  }
}
