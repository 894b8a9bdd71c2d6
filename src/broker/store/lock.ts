// Locks the folder of a store for one broker. Node has no flock(2), so a lock file names the process that owns the folder. If
// that process has ended, another process replaces the file.

import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { MqError, systemCode } from '../../errors.ts';
import { time } from '../../time.ts';
import type { StoreOptions } from './contract.ts';
import { type Disk, systemDisk } from './disk.ts';

type LockOptions = Pick<StoreOptions, 'pid' | 'isAlive' | 'breaksLock' | 'host' | 'disk'>;

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
  /** Distinguishes the process from a later one with the same id. Available only on Linux. */
  readonly life?: string;
}

/**
 * The tokens of the locks that this process holds. The process id is not enough, because the previous broker may have had
 * the same one: in a container it is always 1.
 */
const ownTokens = new Set<string>();

/**
 * Locks the folder. Returns a function that unlocks it. Throws MqError CANNOT_CREATE if another broker has the lock, and
 * the errors of node:fs.
 */
export async function lockFolder(
  folder: string,
  { pid, isAlive, breaksLock = false, host = hostname(), disk = systemDisk }: LockOptions,
): Promise<() => Promise<void>> {
  const path = join(folder, 'lock');
  const life = (await processOf(disk, pid))?.life;
  const own: Owner = { pid, host, token: time.randomUUID(), ...(life && { life }) };
  const text = JSON.stringify(own);
  // link(2) is atomic and does not replace a file, so the lock file never appears without its text, which is durable.
  const draft = join(folder, `lock.${own.token}`);
  await disk.createFile(draft, text);
  ownTokens.add(own.token);
  const check = (existing: string) => refuseIfHeld(existing, { path, own, isAlive, breaksLock, disk });
  try {
    while (!((await isLinked(disk, draft, path)) || (await hasReplaced(disk, { draft, path, check }))));
  } catch (error) {
    ownTokens.delete(own.token);
    throw error;
  } finally {
    await remove(disk, draft);
  }
  return async () => {
    if ((await textOf(disk, path)) === text) await disk.unlink(path);
    ownTokens.delete(own.token);
  };
}

/**
 * Replaces the lock of a process that has ended. `check` throws if the process runs. Only one process can create the link
 * that is named after the text of that lock and of the earlier ones. If this process ends before it has the lock, its link is
 * replaced in the same way. Returns false if the lock has changed because another process was faster. The caller then starts
 * again.
 */
async function hasReplaced(
  disk: Disk,
  { draft, path, check }: { draft: string; path: string; check: (text: string) => Promise<void> },
): Promise<boolean> {
  const first = await textOf(disk, path);
  const texts: string[] = [];
  const links: string[] = [];
  for (let text = first; text !== undefined; ) {
    await check(text);
    texts.push(text);
    // All texts are part of the name, because a link and the lock that it replaces may both be empty after a power loss.
    const next = `${path}.after.${createHash('sha256').update(texts.join('\n')).digest('hex').slice(0, 16)}`;
    links.push(next);
    if (await isLinked(disk, draft, next)) {
      const isUnchanged = (await textOf(disk, path)) === first;
      if (isUnchanged) await disk.rename(draft, path);
      for (const each of isUnchanged ? links : [next]) await remove(disk, each);
      return isUnchanged;
    }
    text = await textOf(disk, next);
  }
  return false;
}

async function refuseIfHeld(
  text: string,
  {
    path,
    own,
    ...options
  }: { path: string; own: Owner } & Required<Pick<LockOptions, 'isAlive' | 'breaksLock' | 'disk'>>,
): Promise<void> {
  const owner = ownerOf(text);
  // An incomplete lock file does not belong to a running broker.
  if (owner === undefined) return;
  const { pid, host, token } = owner;
  const { isAlive, breaksLock, disk } = options;
  const isElsewhere = host !== own.host;
  if (isElsewhere && breaksLock) return;
  if (!isElsewhere && !(pid === own.pid ? ownTokens.has(token) : isAlive(pid) && (await isSame(disk, owner)))) return;
  const user = isElsewhere ? `process ${pid} on ${host}` : `process ${pid}`;
  throw new MqError('CANNOT_CREATE', `cannot open the store: the folder is locked by ${user} (${path})`, {
    at: path,
    hint: isElsewhere
      ? 'mq cannot check a process on another host; if it has ended (for example a killed container), start with --break-lock'
      : 'stop that broker, or use another folder',
  });
}

/** Returns false if the owner has ended: another process has its id, or it is a zombie. */
async function isSame(disk: Disk, { pid, life }: Owner): Promise<boolean> {
  const running = await processOf(disk, pid);
  if (running === undefined) return true;
  return !'ZX'.includes(running.state) && (life === undefined || running.life === life);
}

interface LinuxProcess {
  /** The state of proc(5): `Z` is a zombie, `X` is a dead process. */
  readonly state: string;
  /** The id of the boot, and the start time of the process. */
  readonly life: string;
}

/** Reads fields 3 and 22 of /proc/pid/stat (proc(5)). Returns `undefined` without /proc, or if there is no such process. */
async function processOf(disk: Disk, pid: number): Promise<LinuxProcess | undefined> {
  try {
    const paths = ['/proc/sys/kernel/random/boot_id', `/proc/${pid}/stat`];
    const [boot = '', stat = ''] = await Promise.all(paths.map((path) => textIn(disk, path)));
    // The name in field 2 is in parentheses and may contain any character.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', life: `${boot.trim()} ${fields[19]}` };
  } catch {
    return undefined;
  }
}

/** Creates a hard link. Returns false if `to` exists. */
async function isLinked(disk: Disk, from: string, to: string): Promise<boolean> {
  try {
    await disk.link(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function textOf(disk: Disk, path: string): Promise<string | undefined> {
  try {
    return await textIn(disk, path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function textIn(disk: Disk, path: string): Promise<string> {
  return (await disk.readFile(path)).toString();
}

/** Deletes a file. Ignores a file that does not exist. */
async function remove(disk: Disk, path: string): Promise<void> {
  try {
    await disk.unlink(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

function ownerOf(text: string): Owner | undefined {
  try {
    const { pid, host, token, life } = JSON.parse(text);
    if (!Number.isInteger(pid) || typeof host !== 'string' || typeof token !== 'string') return undefined;
    return { pid, host, token, ...(typeof life === 'string' && { life }) };
  } catch {
    return undefined;
  }
}
