// Opens the store of a broker: a folder with the log of durable definitions and of persistent messages in durable queues
// (.github/docs/decisions/0003).

import { dirname } from 'node:path';
import { MqError, systemCode, systemReason } from '../errors.ts';
import type { Store, StoreOptions } from './store/contract.ts';
import { type Disk, systemDisk } from './store/disk.ts';
import { lockFolder } from './store/lock.ts';
import { LogStore } from './store/log.ts';
import { recover } from './store/recovery.ts';

export type { StoreOptions } from './store/contract.ts';

/**
 * Opens the store in `folder`. Creates the folder with mode 0700 if it does not exist. Throws an MqError:
 * CANNOT_CREATE if the folder cannot be created or another broker uses it, IO if a read or write fails, BAD_DATA if a file is
 * damaged. The message of BAD_DATA contains file and offset.
 */
export async function openStore(folder: string, options: StoreOptions): Promise<Store> {
  const release = await lock(folder, options);
  try {
    return new LogStore(await recover(folder, options), { folder, release, options });
  } catch (error) {
    await release();
    if (error instanceof MqError) throw error;
    throw new MqError('IO', `cannot open the store in ${folder}: ${systemReason(error)}`, { at: folder, cause: error });
  }
}

async function lock(folder: string, options: StoreOptions): Promise<() => Promise<void>> {
  try {
    await createFolder(options.disk ?? systemDisk, folder);
    return await lockFolder(folder, options);
  } catch (error) {
    if (error instanceof MqError) throw error;
    // mkdir refuses the path of a file with EEXIST.
    const reason = systemCode(error) === 'EEXIST' ? 'not a directory' : systemReason(error);
    throw new MqError('CANNOT_CREATE', `cannot create the store in ${folder}: ${reason}`, {
      at: folder,
      cause: error,
    });
  }
}

/** Creates a folder and its parents one by one, because Node's recursive mkdir hangs below a folder such as /proc. */
async function createFolder(disk: Disk, folder: string): Promise<void> {
  const parent = dirname(folder);
  try {
    await disk.mkdir(folder);
    // The sync of the parent makes the new entry durable.
    await disk.syncFolder(parent);
    await syncExisting(disk, parent);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST' && (await disk.stat(folder)).isDirectory()) return await syncExisting(disk, folder);
    if (code !== 'ENOENT' || parent === folder || (await exists(disk, parent))) throw error;
    await createFolder(disk, parent);
    await createFolder(disk, folder);
  }
}

/**
 * Makes the name of an existing folder durable, because a broker that was killed may have created it. If mq may not read the
 * parent, the user has created the folder.
 */
async function syncExisting(disk: Disk, folder: string): Promise<void> {
  try {
    await disk.syncFolder(dirname(folder));
  } catch (error) {
    if (!['EACCES', 'EPERM'].includes(systemCode(error) ?? '')) throw error;
  }
}

function exists(disk: Disk, path: string): Promise<boolean> {
  return disk.stat(path).then(
    () => true,
    () => false,
  );
}
