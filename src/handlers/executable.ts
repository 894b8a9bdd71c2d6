// Finds the executable of `--exec` before the first message is taken, so that a wrong name costs no message.

import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { platform } from 'node:os';
import { delimiter, resolve } from 'node:path';
import { MqError } from '../errors.ts';
import { systemReason } from './reason.ts';

export interface Place {
  /** Absolute; a command with a slash starts here. */
  readonly folder: string;
  /** A command without a slash is looked for on its PATH. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The absolute path of what `command` names.
 * @throws {MqError} SYSTEM if there is none that may be run, with the reason and the next step.
 */
export async function findExecutable(command: string, { folder, env }: Place): Promise<string> {
  const isPath = /[/\\]/.test(command) && (command.includes('/') || platform() === 'win32');
  const candidates = isPath ? [resolve(folder, command)] : onPath(command, folder, env['PATH'] ?? env['Path'] ?? '');
  let nearest: Fault | undefined;
  for (const candidate of candidates.flatMap((path) => withEndings(path, env))) {
    const fault = await faultOf(candidate);
    if (fault === undefined) return candidate;
    if (fault.isThere) nearest ??= fault;
  }
  const fault = nearest ?? (isPath ? missing : missingOnPath);
  throw new MqError('SYSTEM', `cannot run ${command}: ${fault.reason}`, {
    hint: fault.hint.replace('FILE', command),
    at: command,
  });
}

interface Fault {
  readonly reason: string;
  readonly hint: string;
  readonly isThere: boolean;
}

const missing: Fault = {
  reason: 'no such file',
  hint: 'check the path; it is relative to the current folder, in rascal.json to the folder of that file',
  isThere: false,
};

const missingOnPath: Fault = {
  reason: 'no such command on PATH',
  hint: 'for a file in this folder write ./FILE; for shell syntax: sh -c "…"',
  isThere: false,
};

function onPath(command: string, folder: string, path: string): string[] {
  if (command === '') return [];
  // POSIX: an empty entry is the current folder.
  return path.split(delimiter).map((entry) => resolve(folder, entry, command));
}

function withEndings(path: string, env: Place['env']): string[] {
  if (platform() !== 'win32') return [path];
  return [path, ...(env['PATHEXT'] ?? '.COM;.EXE').split(';').map((ending) => path + ending)];
}

async function faultOf(path: string): Promise<Fault | undefined> {
  try {
    if (!(await stat(path)).isFile()) {
      return { reason: 'not a file', hint: 'name a file that can be run', isThere: true };
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return missing;
    return { reason: systemReason(error), hint: 'check the rights of the folders above it', isThere: true };
  }
  try {
    await access(path, constants.X_OK);
    return undefined;
  } catch {
    return { reason: 'not executable', hint: 'chmod +x FILE', isThere: true };
  }
}
