// Limits the paths of a client to the working folder.

import { promises } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { MqError } from '../errors.ts';

/**
 * Returns the path relative to the folder. A symbolic link counts as its target.
 * @throws MqError NOT_PERMITTED if the path is outside the folder, or neither a file nor a folder
 */
export async function pathInside(folder: string, path: string): Promise<string> {
  const whole = resolve(folder, path);
  const inside = relative(folder, whole);
  const realInside = relative(await real(folder), await real(whole));
  if (isOutside(inside) || isOutside(realInside))
    throw new MqError('NOT_PERMITTED', `'${path}' is not inside the working folder`, {
      hint: 'mq mcp reads only files of the folder in which it was started',
    });
  // Reading a FIFO or a device could wait without an end. The command reports a missing file.
  const found = await promises.stat(whole).catch(() => undefined);
  if (found && !found.isFile() && !found.isDirectory())
    throw new MqError('NOT_PERMITTED', `'${path}' is neither a regular file nor a folder`);
  // A name such as - would be standard input.
  return inside === '' ? '.' : `.${sep}${inside}`;
}

function isOutside(path: string): boolean {
  return isAbsolute(path) || path.split(/[\\/]/)[0] === '..';
}

/** Returns the real path of the longest part that exists, followed by the rest. */
async function real(path: string): Promise<string> {
  try {
    return await promises.realpath(path);
  } catch {
    const parent = resolve(path, '..');
    return parent === path ? path : resolve(await real(parent), relative(parent, path));
  }
}
