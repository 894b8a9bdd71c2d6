// Long work in slices: a few milliseconds in each turn of the event loop, so that no client waits long for another one.

/** Time of one slice of one task, and of all slices in one turn, in milliseconds. */
export const sliceMs = 4;
const turnMs = 8;
/** Number of items that are sorted, compared or moved in one step. */
export const itemsPerStep = 64;

/** Does one slice of its work. Returns true when everything is done. */
type Task = () => boolean;

/** Work of many short steps. At each `yield` others may be served. */
export type Work<T = void> = Generator<void, T>;

export class Slices {
  #tasks: Task[] = [];
  #immediate: NodeJS.Immediate | undefined;
  #onIdle: (() => void)[] = [];
  /** The time at which the slice that runs ends, or what work in this turn may do at once. */
  #end: number | undefined;

  /** Runs a task slice by slice, from the next turn on, in rotation with the others. */
  add(task: Task): void {
    this.#tasks.push(task);
    this.#immediate ??= setImmediate(() => this.#turn());
  }

  /** Does the work, then calls `done`. The first slice runs at once, so that short work ends within this call. */
  run(work: Iterator<unknown>, done: () => void = () => undefined): void {
    const task = () => {
      const end = this.#sliceEnd();
      while (work.next().done !== true) if (performance.now() > end) return false;
      done();
      return true;
    };
    if (!task()) this.add(task);
  }

  /** Calls `step` for each item, in slices as `run`. */
  each<T>(items: Iterable<T>, step: (item: T) => void, done?: () => void): void {
    this.run(forEach(items, step), done);
  }

  /** Resolves when no task is left. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#tasks.length === 0) resolve();
      else this.#onIdle.push(resolve);
    });
  }

  /** What begins in one turn shares one slice: ten thousand queues that are deleted would take ten thousand slices. */
  #sliceEnd(): number {
    if (this.#end !== undefined) return this.#end;
    this.#end = performance.now() + sliceMs;
    setImmediate(() => {
      this.#end = undefined;
    });
    return this.#end;
  }

  #turn(): void {
    const end = performance.now() + turnMs;
    let now = performance.now();
    do {
      const task = this.#tasks.shift();
      if (task === undefined) break;
      this.#end = now + sliceMs;
      if (!task()) this.#tasks.push(task);
      now = performance.now();
    } while (now < end);
    this.#end = undefined;
    this.#immediate = this.#tasks.length === 0 ? undefined : setImmediate(() => this.#turn());
    if (this.#tasks.length === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

interface SequenceEvents {
  /** Work has not ended within `add`. */
  readonly onBusy: () => void;
  /** Nothing is left to do. */
  readonly onFree: () => void;
  /** Work has thrown. The next work begins. */
  readonly onError: (error: unknown) => void;
}

/** Works one after the other: each begins when the one before has ended. */
export class Sequence {
  readonly #slices: Slices;
  readonly #on: SequenceEvents;
  readonly #waiting: { readonly work: Iterator<unknown>; readonly done: () => void }[] = [];
  #isRunning = false;

  constructor(slices: Slices, on: SequenceEvents) {
    this.#slices = slices;
    this.#on = on;
  }

  /** Does work after what was added before, then calls `done`: within this call if nothing waits and the work is short. */
  add(work: Iterator<unknown>, done: () => void = () => undefined): void {
    this.#waiting.push({ work, done });
    if (this.#isRunning) return;
    this.#isRunning = true;
    let isBusy = false;
    this.#slices.run(this.#all(), () => {
      this.#isRunning = false;
      if (isBusy) this.#on.onFree();
    });
    isBusy = this.#isRunning;
    if (isBusy) this.#on.onBusy();
  }

  *#all(): Work {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      try {
        while (next.work.next().done !== true) yield;
        next.done();
      } catch (error) {
        this.#on.onError(error);
      }
    }
  }
}

/** Calls `step` for each item, for `together` of them in one piece. */
export function* forEach<T>(items: Iterable<T>, step: (item: T) => void, together = 1): Work {
  let count = 0;
  for (const item of items) {
    step(item);
    if (++count % together === 0) yield;
  }
}

/** Returns the sorted items; equal ones keep their order. Items that are sorted are returned as they are. */
export function* sorted<T>(items: readonly T[], compare: (a: T, b: T) => number): Work<readonly T[]> {
  if (yield* isSorted(items, compare)) return items;
  let runs: T[][] = [];
  for (let start = 0; start < items.length; start += itemsPerStep) {
    runs.push(items.slice(start, start + itemsPerStep).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let index = 0; index < runs.length; index += 2) {
      longer.push(yield* merged(runs[index] ?? [], runs[index + 1] ?? [], compare));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

function* isSorted<T>(items: readonly T[], compare: (a: T, b: T) => number): Work<boolean> {
  for (let index = 1; index < items.length; index++) {
    if (compare(items[index - 1] as T, items[index] as T) > 0) return false;
    if (index % itemsPerStep === 0) yield;
  }
  return true;
}

function* merged<T>(left: readonly T[], right: readonly T[], compare: (a: T, b: T) => number): Work<T[]> {
  const all: T[] = [];
  let [ours, theirs] = [0, 0];
  while (ours < left.length || theirs < right.length) {
    const isOurs = theirs === right.length || (ours < left.length && compare(left[ours] as T, right[theirs] as T) <= 0);
    all.push((isOurs ? left[ours++] : right[theirs++]) as T);
    if (all.length % itemsPerStep === 0) yield;
  }
  return all;
}

/** Does the work in one piece. Returns what it returns. */
export function atOnce<T>(work: Work<T>): T {
  for (;;) {
    const next = work.next();
    if (next.done === true) return next.value;
  }
}

/** Resolves to what the work returns, of which a slice is done in each turn. */
export async function inTurns<T>(work: Work<T>): Promise<T> {
  for (;;) {
    const end = performance.now() + sliceMs;
    do {
      const next = work.next();
      if (next.done === true) return next.value;
    } while (performance.now() < end);
    await new Promise((turned) => setImmediate(turned));
  }
}

/** Resolves to the results of `map`, which is called for a slice of the items in each turn. */
export async function inSlices<T, R>(items: Iterable<T>, map: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  await inTurns(forEach(items, (item) => results.push(map(item))));
  return results;
}

/** Resolves to the sorted items; equal ones keep their order. */
export function sortedInSlices<T>(items: readonly T[], compare: (a: T, b: T) => number): Promise<readonly T[]> {
  return inTurns(sorted(items, compare));
}
