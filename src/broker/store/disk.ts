// Disk operations that take more than one call of node:fs.

import { constants, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { platform } from 'node:os';
import { systemCode } from '../../errors.ts';
import type { StoreFile } from './contract.ts';

/**
 * Opens a file of the log. On Linux, a write ends when the bytes are on disk (O_DSYNC), so that one call of the thread pool is
 * enough for a batch. Elsewhere `datasync` does that, because macOS needs F_FULLFSYNC, and Windows has no O_DSYNC.
 */
export async function openLogFile(path: string, flags: 'r+' | 'wx', mode?: number): Promise<StoreFile> {
  if (platform() !== 'linux') return await open(path, flags, mode);
  const { O_RDWR, O_WRONLY, O_CREAT, O_EXCL, O_DSYNC } = constants;
  const file = await open(path, O_DSYNC | (flags === 'r+' ? O_RDWR : O_WRONLY | O_CREAT | O_EXCL), mode);
  return {
    writev: (parts, position) => file.writev(parts, position),
    datasync: async () => undefined,
    close: () => file.close(),
  };
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Windows cannot sync folders, and does not have to.
    if (!['EPERM', 'EISDIR', 'EINVAL'].includes(systemCode(error) ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

/**
 * Returns device and inode, which identify a file independently of its name; `undefined` if there is no file. It does not use
 * the thread pool, because the kernel has the inode of an open file in memory, and a thread costs ten times the call.
 */
export function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

/** Writes all bytes, because one call of writev may write only a part. */
export async function writeAll(file: StoreFile, parts: readonly Buffer[], position: number): Promise<void> {
  let left = parts;
  let at = position;
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, at);
    at += bytesWritten;
    left = after(left, bytesWritten);
  }
}

/** Returns the parts without their first bytes. */
function after(parts: readonly Buffer[], bytes: number): Buffer[] {
  let skip = bytes;
  const rest: Buffer[] = [];
  for (const part of parts) {
    if (skip >= part.length) skip -= part.length;
    else {
      rest.push(part.subarray(skip));
      skip = 0;
    }
  }
  return rest;
}
