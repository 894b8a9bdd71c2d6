// Reads files of the user that contain secrets or commands, and checks who else can read and change them.

import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { openFile } from '../../config/read-file.ts';
import type { Context } from '../../context.ts';
import { MqError, systemReason } from '../../errors.ts';

interface PrivateFile {
  readonly text: string;
  /** `true` if other users can read the file. */
  readonly isReadable: boolean;
}

/**
 * Which other users must not change the file: those outside its group, or all except its owner, who must be the user or root.
 * Containers mount files of another owner and with a group, so only a file with commands needs the second.
 */
type Trusted = 'group' | 'owner';

/**
 * Returns the text of a file.
 * @throws MqError NO_INPUT if it cannot be read, NOT_PERMITTED if other users can change it or own it, and INTERRUPTED or
 * TERMINATED at a signal
 */
export async function readPrivate(
  { cwd, uid, drain: signal }: Pick<Context, 'cwd' | 'uid' | 'drain'>,
  file: string,
  trusted: Trusted,
): Promise<PrivateFile> {
  const path = resolve(cwd, file);
  const others = trusted === 'group' ? 0o007 : 0o077;
  try {
    const { read, close, owner, mode, isSpecial } = openFile(path);
    if (trusted === 'owner' && uid !== undefined && owner !== uid && owner !== 0) {
      close();
      throw new MqError('NOT_PERMITTED', `${file} belongs to another user`, {
        at: path,
        hint: 'write a file of your own: mq connection add',
      });
    }
    // Windows has no permission bits, and the bits of a pipe do not protect a file.
    const bits = uid === undefined || isSpecial ? 0 : mode & others;
    if ((bits & 0o022) !== 0) {
      close();
      throw new MqError('NOT_PERMITTED', `${file} can be changed by other users`, {
        at: path,
        hint: `run chmod go-w ${file}`,
      });
    }
    if (trusted === 'owner' && uid !== undefined && !isSpecial && isReplaceable(dirname(path), others)) {
      close();
      throw new MqError('NOT_PERMITTED', `${file} can be replaced by other users, who can write its folder`, {
        at: path,
        hint: `run chmod go-w ${dirname(file)}`,
      });
    }
    const bytes = await read({ signal });
    return { text: bytes.toString(), isReadable: (bits & 0o044) !== 0 };
  } catch (error) {
    if (error instanceof MqError) throw error;
    throw new MqError('NO_INPUT', `cannot read ${file}: ${systemReason(error)}`, { at: file, cause: error });
  }
}

/** Returns `true` if the other users can rename files in the folder. The sticky bit prevents it, as in /tmp. */
function isReplaceable(folder: string, others: number): boolean {
  const { mode } = statSync(folder);
  return (mode & others & 0o022) !== 0 && (mode & 0o1000) === 0;
}

/** Returns the error for a file with secrets that other users can read. */
export function readableSecrets(file: string, what: string): MqError {
  return new MqError('NOT_PERMITTED', `${file} contains ${what}, and other users can read it`, {
    at: file,
    hint: `run chmod 600 ${file}`,
  });
}
