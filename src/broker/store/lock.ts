// One broker for one folder. Node has no flock, so a file says who has it, and is succeeded when that process is gone.

import { createHash, randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { MqError } from '../../errors.ts';
import type { StoreOptions } from './contract.ts';

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
  /** Tells the process from a later one with its id; where the system says so. */
  readonly life?: string;
}

/** Tokens of the locks that this process holds: its id may be that of the broker before it (in a container it is always 1). */
const held = new Set<string>();

/** Takes the folder; gives what releases it. Throws MqError CANNOT_CREATE when another broker has it, or what node:fs throws. */
export async function lockFolder(
  folder: string,
  { pid, isAlive, breaksLock = false }: Pick<StoreOptions, 'pid' | 'isAlive' | 'breaksLock'>,
): Promise<() => Promise<void>> {
  const path = join(folder, 'lock');
  const life = (await processOf(pid))?.life;
  const own: Owner = { pid, host: hostname(), token: randomUUID(), ...(life && { life }) };
  const text = JSON.stringify(own);
  // It appears with its text, or not at all: a link is made in one step, and never over another.
  const draft = join(folder, `lock.${own.token}`);
  await writeFile(draft, text, { mode: 0o600, flag: 'wx' });
  held.add(own.token);
  const check = (found: string) => refuseIfHeld(found, { path, own, isAlive, breaksLock });
  try {
    while (!((await isLinked(draft, path)) || (await isSuccessor(draft, path, check))));
  } catch (error) {
    held.delete(own.token);
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return async () => {
    if ((await textOf(path)) === text) await rm(path);
    held.delete(own.token);
  };
}

/**
 * Takes the place of an owner that is gone; `check` throws if it is not. Only one can make the link that is named after a
 * dead owner's lock; should that one die before it has the lock, it is succeeded in the same way. Whoever makes a link
 * again that a successor has cleared away finds another lock than the one it started from, and starts anew (false).
 */
async function isSuccessor(draft: string, path: string, check: (text: string) => Promise<void>): Promise<boolean> {
  const first = await textOf(path);
  const links: string[] = [];
  for (let text = first; text !== undefined; ) {
    await check(text);
    const next = `${path}.after.${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
    links.push(next);
    if (await isLinked(draft, next)) {
      const isStill = (await textOf(path)) === first;
      if (isStill) await rename(draft, path);
      for (const each of isStill ? links : [next]) await rm(each, { force: true });
      return isStill;
    }
    text = await textOf(next);
  }
  return false;
}

async function refuseIfHeld(
  text: string,
  { path, own, isAlive, breaksLock }: { path: string; own: Owner; breaksLock: boolean } & Pick<StoreOptions, 'isAlive'>,
): Promise<void> {
  const owner = ownerOf(text);
  // A file that is not of this form was left by no broker that lives.
  if (owner === undefined) return;
  const { pid, host, token } = owner;
  const isElsewhere = host !== own.host;
  if (isElsewhere && breaksLock) return;
  if (!isElsewhere && !(pid === own.pid ? held.has(token) : isAlive(pid) && (await isSame(owner)))) return;
  const who = isElsewhere ? `process ${pid} on ${host}` : `process ${pid}`;
  throw new MqError('CANNOT_CREATE', `opening the store: ${who} has the folder; ${path} says so`, {
    at: path,
    hint: isElsewhere
      ? 'mq cannot see whether that process runs; when it has ended (a container that was killed), start with --break-lock'
      : 'end that broker, or use another folder',
  });
}

/**
 * Returns false if the owner has ended: the id went to another process, or the process is a zombie, which its parent has
 * not waited for.
 */
async function isSame({ pid, life }: Owner): Promise<boolean> {
  const found = await processOf(pid);
  if (found === undefined) return true;
  return !'ZX'.includes(found.state) && (life === undefined || found.life === life);
}

interface LinuxProcess {
  /** As proc(5) has it: `Z` for a zombie, `X` for a dead process. */
  readonly state: string;
  /** This boot, and when in it the process began. */
  readonly life: string;
}

/** Linux: proc(5), /proc/pid/stat, fields 3 and 22. Else undefined. */
async function processOf(pid: number): Promise<LinuxProcess | undefined> {
  try {
    const [boot, stat] = await Promise.all([
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    // The name in field 2 stands in parentheses and may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', life: `${boot.trim()} ${fields[19]}` };
  } catch {
    return undefined;
  }
}

async function isLinked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
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
