// Reads files of the user as text.

import { resolve } from 'node:path';
import { readFile, readStream } from '../../config/read-file.ts';
import type { Context } from '../../context.ts';
import { MqError, systemReason } from '../../errors.ts';

type World = Pick<Context, 'cwd' | 'stdin'> & Partial<Pick<Context, 'drain'>>;

/**
 * Returns the content of the file; `-` is standard input. Throws NO_INPUT if it cannot be read, and INTERRUPTED or
 * TERMINATED at a signal.
 */
export async function readText(
  { cwd, stdin, drain }: World,
  file: string,
  { maxBytes }: { maxBytes?: number } = {},
): Promise<string> {
  const settings = { signal: drain, ...(maxBytes !== undefined && { maxBytes }) };
  try {
    const bytes = await (file === '-' ? readStream(stdin(), settings) : readFile(resolve(cwd, file), settings));
    return bytes.toString();
  } catch (error) {
    if (error instanceof MqError) throw error;
    const shown = file === '-' ? 'standard input' : file;
    throw new MqError('NO_INPUT', `cannot read ${shown}: ${systemReason(error)}`, { at: shown, cause: error });
  }
}
