// Waits for a condition by checking it repeatedly until it holds or the time is up.

import { setTimeout as delay } from 'node:timers/promises';

/** Returns the first result of `look` that is neither `undefined` nor `false`. Throws an Error with `what` after the time. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  withinMs = 60_000,
): Promise<T> {
  const end = performance.now() + withinMs;
  let failure: unknown;
  while (performance.now() < end) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    await delay(50);
  }
  throw new Error(`not within ${withinMs} ms: ${what}`, { cause: failure });
}
