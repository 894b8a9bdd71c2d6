// Changes connections.json. A lock keeps two commands from losing the change of one of them.

import { promises } from 'node:fs';
import { dirname } from 'node:path';
import type { Context } from '../../context.ts';
import { MqError, systemCode, systemReason } from '../../errors.ts';
import { pause, time } from '../../time.ts';
import { readConnections, type StoredConnections } from './connections.ts';
import { connectionsPath } from './connections-path.ts';

type World = Parameters<typeof readConnections>[0];

/** A process changes the file in milliseconds, so a lock that is older than this was left by a process that was killed. */
const waitMs = 5_000;
const pauseMs = 20;

/**
 * Replaces connections.json by the result of `change`, which receives the current connections. Only the user can read the
 * file. Returns its path.
 * @throws MqError CANNOT_CREATE, and the errors of `readConnections` and `change`; the file is then unchanged
 */
export async function changeConnections(
  context: World & Pick<Context, 'drain'>,
  change: (all: StoredConnections) => StoredConnections,
): Promise<string> {
  const file = connectionsPath(context);
  const failed = (error: unknown) =>
    new MqError('CANNOT_CREATE', `cannot write ${file}: ${systemReason(error)}`, { at: file, cause: error });
  // The lock is the new file, as in git, so renaming it releases the lock.
  const lock = `${file}.lock`;
  let handle: promises.FileHandle;
  try {
    await promises.mkdir(dirname(file), { recursive: true, mode: 0o700 });
    handle = await locked(lock, context.drain);
  } catch (error) {
    throw error instanceof MqError ? error : failed(error);
  }
  try {
    const connections = change(await readConnections(context));
    await handle.writeFile(`${JSON.stringify({ connections }, undefined, 2)}\n`);
    // A link to a file elsewhere stays.
    const real = await promises.realpath(file).catch(() => file);
    await promises.rename(lock, real);
    return file;
  } catch (error) {
    await promises.rm(lock, { force: true });
    throw error instanceof MqError ? error : failed(error);
  } finally {
    await handle.close();
  }
}

/** Creates the lock. Waits while another process has it. */
async function locked(lock: string, signal: AbortSignal): Promise<promises.FileHandle> {
  const untilMs = time.now() + waitMs;
  for (;;) {
    try {
      return await promises.open(lock, 'wx', 0o600);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      if (time.now() > untilMs)
        throw new MqError('CANNOT_CREATE', `another command is changing the connections: ${lock} exists`, {
          at: lock,
          hint: 'if no other mq runs, a killed one left this file: remove it',
        });
    }
    if (signal.aborted) throw new MqError(signal.reason === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED', 'interrupted');
    await pause(pauseMs);
  }
}
