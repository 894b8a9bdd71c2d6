// Which rascal.json: --config, MQ_CONFIG, ./rascal.json, or none but the built-in one. And its text.

import { open } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { MqError } from '../errors.ts';
import type { Environment } from './fill.ts';

export interface Where {
  /** `--config`. */
  readonly option?: string | undefined;
  readonly env: Environment;
  readonly cwd: string;
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
 * @throws MqError NO_INPUT when it cannot be read, CONFIG when it is not UTF-8
 */
export async function findFile({ option, env, cwd }: Where): Promise<FoundFile | undefined> {
  const named = option ?? (env['MQ_CONFIG'] || undefined);
  const path = resolve(cwd, named ?? 'rascal.json');
  const inside = relative(cwd, path);
  const file = named !== undefined && (inside === '' || inside.startsWith('..') || isAbsolute(inside)) ? named : inside;
  try {
    const { bytes, owner } = await read(path);
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { file, folder: dirname(path), text, path, isNamed: named !== undefined, owner };
  } catch (error) {
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

/** The owner is that of what was read, even if the file is replaced meanwhile. */
async function read(path: string): Promise<{ bytes: Buffer; owner: number }> {
  const handle = await open(path);
  try {
    const { uid: owner } = await handle.stat();
    return { bytes: await handle.readFile(), owner };
  } finally {
    await handle.close();
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
