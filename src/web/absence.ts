// What is not there is remembered for a while: a broker writes a line into its log for each question about it.

/** Milliseconds: how long at first, as it may come soon; twice as long each further time; and the longest. */
const [first, longest] = [900, 15_000];
const most = 1000;

/** Asks as `ask` does, and of a name that was not there only when its time is over. */
export function rememberAbsent(
  ask: (name: string) => Promise<boolean>,
  now: () => number = () => performance.now(),
): (name: string) => Promise<boolean> {
  const absent = new Map<string, { until: number; ms: number }>();
  return async (name) => {
    const known = absent.get(name);
    if (known && now() < known.until) return false;
    const isThere = await ask(name);
    // Again at the end: the one that was asked for longest ago is the first to be forgotten.
    absent.delete(name);
    if (isThere) return true;
    const ms = known ? Math.min(longest, known.ms * 2) : first;
    absent.set(name, { until: now() + ms, ms });
    const [oldest = name] = absent.keys();
    if (absent.size > most) absent.delete(oldest);
    return false;
  };
}
