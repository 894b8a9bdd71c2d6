// Keeps the function that starts the commands of secrets and tokens. A session renews its tokens without a context.

import type { Spawn } from '../context.ts';

let spawn: Spawn | undefined;

/** Starts the commands by this function from now on. */
export function startCommandsBy(other: Spawn): void {
  spawn = other;
}

/** Returns the function that starts a command. */
export function commandSpawn(): Spawn {
  if (spawn === undefined) throw new Error('startCommandsBy() must be called before the first command');
  return spawn;
}
