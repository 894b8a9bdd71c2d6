// Waits for a condition.

import { setTimeout as delay } from 'node:timers/promises';

interface EventuallyOptions {
  /** Time limit in milliseconds. Default 10,000. */
  readonly within?: number;
  /** Milliseconds between two calls of `check`. Default 25. */
  readonly every?: number;
}

/**
 * Calls `check` until it returns a value other than undefined and false, and returns that value. An exception counts as
 * `undefined`.
 * @throws TypeError at once if `what` is not a string or `check` is not a function
 * @throws an Error with `what` when the time is up; its cause is the error that the last call threw
 */
export async function eventually<T>(
  what: string,
  check: () => T | undefined | false | Promise<T | undefined | false>,
  { within = 10_000, every = 25 }: EventuallyOptions = {},
): Promise<T> {
  if (typeof what !== 'string' || typeof check !== 'function')
    throw new TypeError('eventually requires a description and a function: eventually(what, check)');
  const end = performance.now() + within;
  for (;;) {
    let failure: unknown;
    let found: T | undefined | false;
    try {
      found = await check();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      failure = error;
    }
    if (performance.now() >= end) {
      const details = failure instanceof Error && 'details' in failure ? failure.details : undefined;
      // A function that only asserts returns undefined, so `eventually` never ends before the time is up.
      const isNothing = failure === undefined && found === undefined;
      const empty = isNothing
        ? '; the last call returned undefined, which means "not yet": return true when the condition holds'
        : '';
      throw Object.assign(
        new Error(
          `timed out after ${within} ms: ${what}${empty}`,
          failure === undefined ? undefined : { cause: failure },
        ),
        details === undefined ? {} : { details },
      );
    }
    await delay(every);
  }
}
