// The disk of a store. It is the only file of the store that uses node:fs, so that a test can simulate the disk.

import { constants, statSync } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { systemCode } from '../../errors.ts';

/** The operations of the store on files and folders. They fail like the functions of node:fs/promises. */
export interface Disk {
  /**
   * Opens a file of the log: an existing one with `r+`, a new one with `wx`. Its `datasync` resolves when everything that was
   * written before is on disk.
   */
  openLog(path: string, flags: 'r+' | 'wx', mode?: number): Promise<LogFile>;
  /** Opens an existing file. */
  open(path: string, flags: 'r' | 'r+'): Promise<DiskFile>;
  readFile(path: string): Promise<Buffer>;
  /** Creates a file that only the user can read. Its bytes are durable, but not its name. */
  createFile(path: string, text: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Creates a hard link. */
  link(from: string, to: string): Promise<void>;
  /** Renames a file. Replaces a file that has the new name. */
  rename(from: string, to: string): Promise<void>;
  /** Creates a folder that only the user can read. */
  mkdir(path: string): Promise<void>;
  readdir(path: string): Promise<FolderEntry[]>;
  /** Deletes a folder with everything in it. Ignores a folder that does not exist. */
  removeFolder(path: string): Promise<void>;
  stat(path: string): Promise<{ isDirectory(): boolean }>;
  /** Makes the names in a folder durable. */
  syncFolder(path: string): Promise<void>;
  /** Returns a text that identifies a file independently of its name; `undefined` if there is no file. */
  identityOf(path: string): string | undefined;
}

/** The part of a file handle that the log uses. */
export interface LogFile {
  writev(parts: readonly Buffer[], position: number): Promise<{ bytesWritten: number }>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** The part of a file handle that recovery and the cursors of streams use. */
export interface DiskFile extends Pick<LogFile, 'writev'> {
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
  stat(): Promise<{ size: number }>;
  truncate(length: number): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface FolderEntry {
  readonly name: string;
  isDirectory(): boolean;
}

export const systemDisk: Disk = {
  openLog: openLogFile,
  open,
  readFile: (path) => readFile(path),
  createFile: (path, text) => writeFile(path, text, { mode: 0o600, flag: 'wx', flush: true }),
  unlink,
  link,
  rename,
  mkdir: (path) => mkdir(path, { mode: 0o700 }),
  readdir: (path) => readdir(path, { withFileTypes: true }),
  removeFolder: (path) => rm(path, { recursive: true, force: true }),
  stat: (path) => stat(path),
  syncFolder,
  identityOf,
};

/**
 * Opens a file of the log. On Linux, a write ends when the bytes are on disk (O_DSYNC), so that one call of the thread pool is
 * enough for a batch. Elsewhere `datasync` does that, because macOS needs F_FULLFSYNC, and Windows has no O_DSYNC.
 */
async function openLogFile(path: string, flags: 'r+' | 'wx', mode?: number): Promise<LogFile> {
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
async function syncFolder(folder: string): Promise<void> {
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
function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

/** Writes all bytes, because one call of writev may write only a part. */
export async function writeAll(
  file: Pick<LogFile, 'writev'>,
  parts: readonly Buffer[],
  position: number,
): Promise<void> {
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
