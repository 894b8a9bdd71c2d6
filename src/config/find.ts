// Which rascal.json: --config, MQ_CONFIG, ./rascal.json, or none but the built-in one. And its text.

import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { MqError } from '../errors.ts';
import type { Environment } from './fill.ts';
import { openFile, readStream } from './read-file.ts';

export interface Where {
  /** `--config`. */
  readonly option?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
  /** Ends the wait for a pipe. */
  readonly signal?: AbortSignal | undefined;
}

export interface FoundFile {
  /** As the user would name it: relative when it is inside cwd. */
  readonly file: string;
  /** Absolute. */
  readonly folder: string;
  readonly text: string;
  /** Absolute. */
  readonly path: string;
  /** False: it is only the one in the working folder. */
  readonly isNamed: boolean;
  /** The id of the user that it belongs to. */
  readonly owner: number;
}

/**
 * The file, or undefined when none is named and cwd has none.
 * @throws MqError NO_INPUT when it cannot be read, CONFIG when it is not UTF-8 or a found one is not a regular file
 */
export async function findFile({ option, env, cwd, signal }: Where): Promise<FoundFile | undefined> {
  const named = option ?? (env['MQ_CONFIG'] || undefined);
  const path = resolve(cwd, named ?? 'rascal.json');
  const inside = relative(cwd, path);
  const file = named !== undefined && (inside === '' || inside.startsWith('..') || isAbsolute(inside)) ? named : inside;
  try {
    const { stream, owner, isSpecial } = openFile(path);
    if (named === undefined && isSpecial) {
      stream.destroy();
      throw new MqError('CONFIG', `${file} is not a regular file`, { at: path, hint: '--config FILE reads a pipe' });
    }
    const bytes = await readStream(stream, { signal });
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { file, folder: dirname(path), text, path, isNamed: named !== undefined, owner };
  } catch (error) {
    if (error instanceof MqError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (named === undefined && code === 'ENOENT') return undefined;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new MqError('CONFIG', `${file}: is not UTF-8`, { cause: error });
    const by = option !== undefined ? '--config' : named !== undefined ? 'MQ_CONFIG' : undefined;
    const why = reasons[code] ?? (error instanceof Error ? error.message : String(error));
    throw new MqError('NO_INPUT', `cannot read the configuration ${file === '' ? '""' : file}: ${why}`, {
      at: file,
      ...(by === undefined ? {} : { hint: `it is named by ${by}` }),
      cause: error,
    });
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'too many symbolic links',
};
