// Counters as the API shows them: each with the rate since somebody last looked, a second ago or more.

interface Sample {
  atMs: number;
  counts: Readonly<Record<string, number>>;
  rates: Readonly<Record<string, number>>;
}

const shortestMs = 1000;
const samples = new WeakMap<object, Sample>();

/** `{ publish: 5, publish_details: { rate: 0.5 } }`. `of` is whose counters they are. */
export function countersOf(of: object, counts: Readonly<Record<string, number>>): Record<string, unknown> {
  const nowMs = Date.now();
  const last = samples.get(of);
  let rates = last?.rates ?? {};
  if (last === undefined) samples.set(of, { atMs: nowMs, counts, rates });
  else if (nowMs - last.atMs >= shortestMs) {
    const seconds = (nowMs - last.atMs) / 1000;
    rates = Object.fromEntries(
      Object.entries(counts).map(([name, count]) => [name, Math.max(0, count - (last.counts[name] ?? 0)) / seconds]),
    );
    samples.set(of, { atMs: nowMs, counts, rates });
  }
  return Object.fromEntries(
    Object.entries(counts).flatMap(([name, count]): [string, unknown][] => [
      [name, count],
      [`${name}_details`, { rate: rates[name] ?? 0 }],
    ]),
  );
}
