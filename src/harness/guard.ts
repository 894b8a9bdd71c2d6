// Runs one callback of a test file under a deadline, and blames it for what goes wrong outside its promise: an
// exception in a timer, a rejection nobody handled.

import { setImmediate as turn } from 'node:timers/promises';

/** What the child hears from its process. */
export interface Strays {
  on(event: 'uncaughtException' | 'unhandledRejection', listener: (thrown: unknown) => void): unknown;
}

/** Runs `work`; rejects with what it threw, with the stray exception it caused, or when `ms` have passed. */
export type Guard = (work: () => unknown, ms: number) => Promise<void>;

/** `unowned` is called for a stray exception while nothing is running. */
export function makeGuard(strays: Strays, unowned: (error: Error) => void): Guard {
  let blame = unowned;
  strays.on('uncaughtException', (thrown) => blame(stray('exception outside the test', thrown)));
  strays.on('unhandledRejection', (thrown) => blame(stray('unhandled rejection', thrown)));

  return async (work, ms) => {
    let caught: { error: unknown } | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stopped = new Promise<void>((resolve) => {
      const stop = (error: Error) => {
        caught ??= { error };
        resolve();
      };
      blame = stop;
      timer = setTimeout(() => stop(new Error(`did not end within ${ms} ms`)), ms);
    });
    const finished = (async () => work())().then(
      () => {},
      (error: unknown) => {
        caught ??= { error };
      },
    );
    await Promise.race([finished, stopped]);
    clearTimeout(timer);
    // Node reports unhandled rejections only after the microtasks: one more turn, so that the right test is blamed.
    await turn();
    blame = unowned;
    if (caught !== undefined) throw caught.error;
  };
}

function stray(kind: string, thrown: unknown): Error {
  if (!(thrown instanceof Error)) return new Error(`${kind}: ${String(thrown)}`);
  return Object.assign(thrown, { message: `${kind}: ${thrown.message}` });
}
