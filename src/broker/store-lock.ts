// One broker for one folder. Node has no flock, so a file says who has it, and is taken over when that process is gone.

import { randomUUID } from 'node:crypto';
import { link, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { MqError } from '../errors.ts';

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly token: string;
}

/** Tokens of the locks that this process holds: its id may be that of the broker before it (in a container it is always 1). */
const held = new Set<string>();

/** Takes the folder; gives what releases it. Throws MqError CANNOT_CREATE when another broker has it, or what node:fs throws. */
export async function lockFolder(
  folder: string,
  { pid, isAlive }: { pid: number; isAlive: (pid: number) => boolean },
): Promise<() => Promise<void>> {
  const path = join(folder, 'lock');
  const own: Owner = { pid, host: hostname(), token: randomUUID() };
  // It appears with its text, or not at all: a link is made in one step, and never over another.
  const draft = join(folder, `lock.${own.token}`);
  await writeFile(draft, JSON.stringify(own), { mode: 0o600, flag: 'wx' });
  try {
    while (!(await isMade(draft, path))) {
      const found = await textOf(path);
      if (found === undefined) continue;
      refuseIfHeld(found, path, own, isAlive);
      await takeAway(path, found, join(folder, `lock.stale.${own.token}`));
    }
  } finally {
    await unlink(draft);
  }
  held.add(own.token);
  return async () => {
    held.delete(own.token);
    if ((await textOf(path)) === JSON.stringify(own)) await unlink(path);
  };
}

function refuseIfHeld(text: string, path: string, own: Owner, isAlive: (pid: number) => boolean): void {
  const { pid, host, token } = ownerOf(text);
  const isElsewhere = host !== own.host;
  const isHeld = isElsewhere || (pid === own.pid ? held.has(token) : isAlive(pid));
  if (!isHeld) return;
  const who = isElsewhere ? `process ${pid} on ${host}` : `process ${pid}`;
  throw new MqError('CANNOT_CREATE', `opening the store: ${who} has the folder; ${path} says so`, {
    at: path,
    hint: `end that broker, use another folder, or, when no broker uses it, remove ${path}`,
  });
}

/** Removes a lock whose owner is gone. Another process may just have done so and made its own: that one is put back. */
async function takeAway(path: string, text: string, aside: string): Promise<void> {
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if ((await textOf(aside)) !== text) await isMade(aside, path);
  await unlink(aside);
}

async function isMade(from: string, to: string): Promise<boolean> {
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

/** A file that is not of this form was left by no broker that lives. */
function ownerOf(text: string): Owner {
  try {
    const { pid, host, token } = JSON.parse(text);
    return { pid: Number(pid), host: String(host), token: String(token) };
  } catch {
    return { pid: -1, host: hostname(), token: '' };
  }
}
