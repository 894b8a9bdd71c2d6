// Remembers for a while that an object does not exist, because the broker logs a line for each check.

import { time } from '../time.ts';

/**
 * Times in milliseconds for which an absence is remembered. The first is short, because the object may appear soon;
 * each further one is twice as long, up to the longest.
 */
const [first, longest] = [900, 15_000];
const mostNames = 1000;

/** Returns a function that calls `ask`, except for a name whose absence is remembered. */
export function rememberAbsent(
  ask: (name: string) => Promise<boolean>,
  now: () => number = () => time.now(),
): (name: string) => Promise<boolean> {
  const absent = new Map<string, { until: number; ms: number }>();
  return async (name) => {
    const known = absent.get(name);
    if (known && now() < known.until) return false;
    const isThere = await ask(name);
    // The name is inserted at the end again, because the oldest one is removed first.
    absent.delete(name);
    if (isThere) return true;
    const ms = known ? Math.min(longest, known.ms * 2) : first;
    absent.set(name, { until: now() + ms, ms });
    const [oldest = name] = absent.keys();
    if (absent.size > mostNames) absent.delete(oldest);
    return false;
  };
}
