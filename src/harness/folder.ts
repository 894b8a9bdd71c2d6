// Creates a folder, with its parents, for files that mq writes.

import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../errors.ts';

/**
 * Creates the folder and its missing parents. Throws the errors of node:fs. Does not use the option `recursive` of
 * mkdir, with which the call never returns if an existing parent refuses new folders, as /proc does.
 */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    const code = systemCode(error);
    const parent = dirname(folder);
    if (code === 'EEXIST' && statSync(folder).isDirectory()) return;
    if (code !== 'ENOENT' || parent === folder || existsSync(parent)) throw error;
    makeFolder(parent);
    makeFolder(folder);
  }
}
