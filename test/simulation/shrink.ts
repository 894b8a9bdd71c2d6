// Makes a failing plan smaller: drops items of its lists, and replaces values by simpler ones, as long as the plan fails in
// the same way (delta debugging). It knows a plan only as data, so that new fields of a plan need no change here.

/** The fewest items of a list. The default is 0. */
const fewest: Readonly<Record<string, number>> = { publishers: 1, consumers: 1, delays: 1, ways: 1 };
/** Lists whose last item stays: a message whose last way is not the planned one might never leave the queue. */
const keepsLast = new Set(['ways']);
/** Field → its simpler values, the simplest first. The items of a list have the name of the list. */
const simpler: Readonly<Record<string, readonly unknown[]>> = {
  queueType: ['classic'],
  onFail: ['retry'],
  attempts: [3],
  delays: [1000],
  ways: ['ack'],
  heartbeat: [10],
  handlerTimeoutMs: [60_000],
  minMs: [],
  maxMs: [1],
  segmentBytes: [65_536],
  slackBytes: [],
  bufferBytes: [262_144],
  eventMs: [0.01],
  drainMs: [25_000],
  window: [1, 16],
  batch: [1],
  count: [1],
  prefetch: [1, 10],
  concurrency: [1],
  seed: [],
};

interface Shrinking<P> {
  /** Runs a plan. Resolves with `true` if it fails in the same way as the original one. */
  readonly fails: (plan: P) => Promise<boolean>;
  readonly mostRuns: number;
}

/** Returns the smallest plan that it finds with at most this number of runs. */
export async function shrink<P>(plan: P, shrinking: Shrinking<P>): Promise<{ plan: P; runs: number }> {
  const shrinker = new Shrinker(plan, shrinking);
  await shrinker.run();
  return shrinker;
}

type Path = readonly (string | number)[];

class Shrinker<P> {
  plan: P;
  runs = 0;
  readonly #shrinking: Shrinking<P>;

  constructor(plan: P, shrinking: Shrinking<P>) {
    this.plan = plan;
    this.#shrinking = shrinking;
  }

  async run(): Promise<void> {
    for (let before: P | undefined; before !== this.plan; ) {
      before = this.plan;
      // Without its items, the plan has fewer values, and each run is shorter.
      await this.#visit([], (path, value) => (Array.isArray(value) ? this.#dropItems(path) : undefined));
      await this.#visit([], (path, value) => (isBranch(value) ? undefined : this.#simplify(path)));
    }
  }

  async #visit(path: Path, act: (path: Path, value: unknown) => Promise<void> | undefined): Promise<void> {
    await act(path, valueAt(this.plan, path));
    const value = valueAt(this.plan, path);
    if (isBranch(value)) for (const key of keysOf(value)) await this.#visit([...path, key], act);
  }

  /** Drops half of the items, then quarters, and so on to single items. */
  async #dropItems(path: Path): Promise<void> {
    const name = nameOf(path);
    const items = () => valueAt(this.plan, path) as readonly unknown[];
    const last = () => items().length - (keepsLast.has(name) ? 1 : 0);
    for (let size = last(); size >= 1; size = Math.floor(size / 2)) {
      for (let start = 0; start < last(); ) {
        const end = Math.min(start + size, last());
        const rest = [...items().slice(0, start), ...items().slice(end)];
        const isEnough = rest.length >= (fewest[name] ?? 0);
        if (!(isEnough && (await this.#keepIfFailing(path, rest)))) start = end;
      }
    }
  }

  async #simplify(path: Path): Promise<void> {
    const known = simpler[nameOf(path)];
    if (known) {
      const value = valueAt(this.plan, path);
      const better = known.slice(0, known.includes(value) ? known.indexOf(value) : known.length);
      for (const one of better) if (await this.#keepIfFailing(path, one)) return;
      return;
    }
    for (;;) {
      const value = valueAt(this.plan, path);
      if (typeof value === 'boolean' && value) return void (await this.#keepIfFailing(path, false));
      if (typeof value !== 'number' || value === 0) return;
      if (await this.#keepIfFailing(path, 0)) return;
      const half = Math.trunc(value / 2);
      if (half === 0 || !(await this.#keepIfFailing(path, half))) return;
    }
  }

  async #keepIfFailing(path: Path, value: unknown): Promise<boolean> {
    const { fails, mostRuns } = this.#shrinking;
    if (this.runs >= mostRuns) return false;
    this.runs += 1;
    const smaller = replaced(this.plan, path, value);
    if (!(await fails(smaller))) return false;
    this.plan = smaller;
    return true;
  }
}

/**
 * Returns what a violation is about, without names and numbers. Runs with violations of the same kind fail in the same
 * way.
 */
export function kindOf(violation: string): string {
  const [first = ''] = violation.split('\n');
  // A list of bodies, or the reason, follows the colon. The status of a process belongs to the kind.
  const [about = ''] = first.replace(/^stream: /, 'stream ').split(': ');
  const kind = about.replace(/(?<!ended with )\b[a-z]?\d+(-\d+)?\b/g, '#');
  return violation.includes('[BUG]') ? `${kind}, a bug` : kind;
}

function isBranch(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function keysOf(value: object): (string | number)[] {
  return Array.isArray(value) ? [...value.keys()] : Object.keys(value);
}

/** Returns the last field name of a path. */
function nameOf(path: Path): string {
  return String(path.findLast((key) => typeof key === 'string') ?? '');
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const key of path) value = (value as Record<string | number, unknown> | undefined)?.[key];
  return value;
}

function replaced<T>(data: T, [key, ...rest]: Path, value: unknown): T {
  // The values of a plan are of types that this file does not know.
  if (key === undefined) return value as T;
  if (Array.isArray(data)) return data.with(Number(key), replaced(data[Number(key)], rest, value)) as T;
  return { ...data, [key]: replaced(valueAt(data, [key]), rest, value) };
}
