// Starts the process of a test file. Its task is sent as a message (ChildOptions), so that the process can start before
// the task is known.

import { type ChildProcess, spawn } from 'node:child_process';
import { platform } from 'node:os';

/** Descriptor to which the child writes its events, one JSON object in a line. */
export const eventsDescriptor = 4;

export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

export function startChild({ command, args, env }: ChildCommand): ChildProcess {
  return spawn(command, [...args], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
    // The child gets its own process group, so that the whole group can be killed. On Windows this would open a window.
    detached: platform() !== 'win32',
  });
}
