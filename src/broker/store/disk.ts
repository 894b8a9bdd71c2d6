// What the log asks of the disk beyond one call of node:fs.

import { open, stat } from 'node:fs/promises';
import type { StoreFile } from './contract.ts';

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } catch (error) {
    // Windows syncs no folders, and does not need to.
    if (!['EPERM', 'EISDIR', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await handle.close();
  }
}

/** Returns what tells a file from another one of its name; `undefined` if there is no file. */
export async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev} ${found.ino}`;
}

/** Writes every byte: one call may take only a part. */
export async function writeAll(file: StoreFile, parts: readonly Buffer[], position: number): Promise<void> {
  let left = parts;
  let at = position;
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, at);
    at += bytesWritten;
    left = after(left, bytesWritten);
  }
}

/** What is left when so many bytes are gone. */
function after(parts: readonly Buffer[], bytes: number): Buffer[] {
  let gone = bytes;
  const left: Buffer[] = [];
  for (const part of parts) {
    if (gone >= part.length) gone -= part.length;
    else {
      left.push(part.subarray(gone));
      gone = 0;
    }
  }
  return left;
}
