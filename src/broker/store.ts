// Opens the store of a broker: a folder with the log of durable definitions and of persistent messages in durable queues
// (.github/docs/decisions/0003).

import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MqError, systemReason } from '../errors.ts';
import type { Store, StoreOptions } from './store/contract.ts';
import { syncFolder } from './store/disk.ts';
import { lockFolder } from './store/lock.ts';
import { LogStore } from './store/log.ts';
import { recover } from './store/recovery.ts';

export type { StoreOptions } from './store/contract.ts';

/**
 * Opens the store in `folder`, which is made (0700) when it is not there.
 * Throws MqError: CANNOT_CREATE (the folder cannot be made, or another broker has it), IO (a read or write failed),
 * BAD_DATA (a file is damaged, or not of this store; the message names file and offset).
 */
export async function openStore(folder: string, options: StoreOptions): Promise<Store> {
  const release = await takeFolder(folder, options);
  try {
    return new LogStore(await recover(folder, options), { folder, release, options });
  } catch (error) {
    await release();
    if (error instanceof MqError) throw error;
    throw new MqError('IO', `opening the store in ${folder}: ${systemReason(error)}`, { at: folder, cause: error });
  }
}

async function takeFolder(folder: string, options: StoreOptions): Promise<() => Promise<void>> {
  try {
    await makeFolder(folder, options.syncFolder ?? syncFolder);
    return await lockFolder(folder, options);
  } catch (error) {
    if (error instanceof MqError) throw error;
    throw new MqError('CANNOT_CREATE', `making the store in ${folder}: ${systemReason(error)}`, {
      at: folder,
      cause: error,
    });
  }
}

/** With its parents. Node's own recursive mkdir has no end where a parent is there and takes nothing, as /proc. */
async function makeFolder(folder: string, sync: (folder: string) => Promise<void>): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
    // A crash must not take the folder's name with it.
    await sync(dirname(folder));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(folder);
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    if (code !== 'ENOENT' || parent === folder || (await isThere(parent))) throw error;
    await makeFolder(parent, sync);
    await makeFolder(folder, sync);
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
