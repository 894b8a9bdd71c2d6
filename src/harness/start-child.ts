// Starts the process of a test file. What it is to do comes by a message (ChildOptions), so that it may be started before
// that is known.

import { type ChildProcess, spawn } from 'node:child_process';
import { platform } from 'node:os';

export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function startChild({ command, args, env }: ChildCommand): ChildProcess {
  return spawn(command, [...args], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // A process group of its own, so that all of it can be ended; on Windows it would be a window of its own.
    detached: platform() !== 'win32',
  });
}
