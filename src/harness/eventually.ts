// Waits for what comes about in its own time.

import { setTimeout as delay } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Milliseconds until it is given up; 10,000 by default. */
  readonly within?: number;
  /** Milliseconds between two looks; 25 by default. */
  readonly every?: number;
}

/**
 * What `look` gives, once it is neither undefined nor false and `look` does not throw.
 * @throws TypeError at once if `what` is not a string or `look` is not a function
 * @throws an Error with `what` and what the last look came to when the time is up
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  { within = 10_000, every = 25 }: EventuallyOptions = {},
): Promise<T> {
  if (typeof what !== 'string' || typeof look !== 'function')
    throw new TypeError('eventually needs a description and a function: eventually(what, look)');
  const end = performance.now() + within;
  for (;;) {
    let failure: unknown;
    let found: T | undefined | false;
    try {
      found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      failure = error;
    }
    if (performance.now() >= end) {
      const details = (failure as { details?: unknown } | undefined)?.details;
      // A function that only asserts gives nothing, and would be waited for in vain.
      const isNothing = failure === undefined && found === undefined;
      const empty = isNothing ? '; the last look gave undefined, which means not yet: give true when it is so' : '';
      throw Object.assign(
        new Error(`not within ${within} ms: ${what}${empty}`, failure === undefined ? undefined : { cause: failure }),
        details === undefined ? {} : { details },
      );
    }
    await delay(every);
  }
}
