// Finds and reads rascal.json: --config, MQ_CONFIG, ./rascal.json, or only the built-in file.

import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { MqError, systemCode } from '../errors.ts';
import { openFile } from './read-file.ts';
import type { Environment } from './reading/environment.ts';

export interface Where {
  /** Value of `--config`. */
  readonly option?: string | undefined;
  /** `true` if an argument names the file instead of `--config`. Errors then have no hint. */
  readonly isArgument?: boolean;
  readonly env: Environment;
  readonly cwd: string;
  /** Stops the reading of a pipe or a terminal. */
  readonly signal?: AbortSignal | undefined;
}

export interface FoundFile {
  /** Name for messages: relative to cwd if the file is inside cwd, otherwise as the user wrote it. */
  readonly file: string;
  /** Absolute path of the folder. */
  readonly folder: string;
  readonly text: string;
  /** Absolute path of the file. */
  readonly path: string;
  /** `false` if the user did not name the file and mq found it in the working folder. */
  readonly isNamed: boolean;
  /** Id of the owner of the file. */
  readonly owner: number;
}

/**
 * Returns the file, or `undefined` if no file is named and cwd has none.
 * @throws MqError NO_INPUT if it cannot be read; CONFIG if it is not UTF-8, or if a file in cwd is not a regular file;
 * INTERRUPTED or TERMINATED at a signal
 */
export async function findFile({
  option,
  isArgument = false,
  env,
  cwd,
  signal,
}: Where): Promise<FoundFile | undefined> {
  const named = option ?? (env['MQ_CONFIG'] || undefined);
  const path = resolve(cwd, named ?? 'rascal.json');
  const inside = relative(cwd, path);
  const file = named !== undefined && (inside === '' || inside.startsWith('..') || isAbsolute(inside)) ? named : inside;
  try {
    const { read, close, owner, isSpecial } = openFile(path);
    if (named === undefined && isSpecial) {
      close();
      throw new MqError('CONFIG', `${file} is not a regular file`, {
        at: path,
        hint: 'to read a pipe, name it with --config',
      });
    }
    const bytes = await read({ signal });
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { file, folder: dirname(path), text, path, isNamed: named !== undefined, owner };
  } catch (error) {
    if (error instanceof MqError) throw error;
    const code = systemCode(error) ?? '';
    if (named === undefined && code === 'ENOENT') return undefined;
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new MqError('CONFIG', `${file} is not UTF-8`, { cause: error });
    const by = option !== undefined ? '--config' : named !== undefined ? 'MQ_CONFIG' : undefined;
    const why = reasons[code] ?? (error instanceof Error ? error.message : String(error));
    throw new MqError('NO_INPUT', `cannot read the configuration ${file === '' ? '""' : file}: ${why}`, {
      at: file,
      ...(by === undefined || isArgument ? {} : { hint: `${by} names this file` }),
      cause: error,
    });
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'no such file',
  EISDIR: 'it is a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'too many symbolic links',
};
