// Divides long work into slices of a few milliseconds, and does one slice in each turn of the event loop. A client therefore
// does not wait long for the work of another client.

import { type Timer, time, turn } from '../time.ts';

/** Duration of one slice of one task. */
export const sliceMs = 4;
/** Duration of all slices in one turn of the event loop. */
const turnMs = 8;
/** Number of items that are sorted, compared or moved in one step. */
export const itemsPerStep = 64;

/** Does one slice of work. Returns true when all work is done. */
type Task = () => boolean;

/** Work that consists of many short steps. At each `yield`, the event loop may continue with other work. */
export type Work<T = void> = Generator<void, T>;

export class Slices {
  #tasks: Task[] = [];
  #immediate: Timer | undefined;
  #onIdle: (() => void)[] = [];
  /** End of the current slice, by `time.now()`. All work that starts in this turn shares it. */
  #end: number | undefined;

  /** Runs a task slice by slice, beginning in the next turn. Tasks take turns. */
  add(task: Task): void {
    this.#tasks.push(task);
    this.#immediate ??= time.nextTurn(() => this.#turn());
  }

  /** Does the work, then calls `done`. The first slice runs now, so that short work ends within this call. */
  run(work: Iterator<unknown>, done: () => void = () => undefined): void {
    const task = () => {
      const end = this.#sliceEnd();
      while (work.next().done !== true) if (time.now() > end) return false;
      done();
      return true;
    };
    if (!task()) this.add(task);
  }

  /** Calls `step` for each item, in slices like `run`. */
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

  /**
   * Returns the end of the current slice. All work of this turn shares it, because otherwise ten thousand queues that are
   * deleted in one turn would take ten thousand slices.
   */
  #sliceEnd(): number {
    if (this.#end !== undefined) return this.#end;
    this.#end = time.now() + sliceMs;
    time.nextTurn(() => {
      this.#end = undefined;
    });
    return this.#end;
  }

  #turn(): void {
    let now = time.now();
    const end = now + turnMs;
    try {
      for (let task = this.#tasks.shift(); task !== undefined; task = this.#tasks.shift()) {
        this.#end = now + sliceMs;
        if (!task()) this.#tasks.push(task);
        now = time.now();
        if (now >= end) break;
      }
    } finally {
      // A task that throws is removed, and the other tasks continue in the next turn.
      this.#endTurn();
    }
  }

  #endTurn(): void {
    this.#end = undefined;
    this.#immediate = this.#tasks.length === 0 ? undefined : time.nextTurn(() => this.#turn());
    if (this.#tasks.length === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

interface SequenceEvents {
  /** Called if work has not ended when `add` returns. */
  readonly onBusy: () => void;
  /** Called after `onBusy` when all work has ended. */
  readonly onFree: () => void;
  /** Called if work throws. The next work begins after that. */
  readonly onError: (error: unknown) => void;
}

/** Does work in the order in which it was added. */
export class Sequence {
  readonly #slices: Slices;
  readonly #on: SequenceEvents;
  readonly #waiting: { readonly work: Iterator<unknown>; readonly done: () => void }[] = [];
  #isRunning = false;

  constructor(slices: Slices, on: SequenceEvents) {
    this.#slices = slices;
    this.#on = on;
  }

  /** Does the work after all earlier work, then calls `done`. Short work ends within this call if nothing else is pending. */
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

/** Calls `step` for each item. Yields after every `together` items. */
export function* forEach<T>(items: Iterable<T>, step: (item: T) => void, together = 1): Work {
  let count = 0;
  for (const item of items) {
    step(item);
    if (++count % together === 0) yield;
  }
}

/** Returns the sorted items. Equal items keep their order. Returns the same array if it is already sorted. */
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
  let last: T | undefined;
  let count = 0;
  for (const item of items) {
    if (last !== undefined && compare(last, item) > 0) return false;
    last = item;
    if (++count % itemsPerStep === 0) yield;
  }
  return true;
}

function* merged<T>(left: readonly T[], right: readonly T[], compare: (a: T, b: T) => number): Work<T[]> {
  const all: T[] = [];
  let start = 0;
  for (const item of left) {
    for (let other = right[start]; other !== undefined && compare(item, other) > 0; other = right[start]) {
      all.push(other);
      start++;
      if (all.length % itemsPerStep === 0) yield;
    }
    all.push(item);
    if (all.length % itemsPerStep === 0) yield;
  }
  for (; start < right.length; start += itemsPerStep) {
    all.push(...right.slice(start, start + itemsPerStep));
    yield;
  }
  return all;
}

/** Does all the work at once. Returns its result. */
export function atOnce<T>(work: Work<T>): T {
  for (;;) {
    const next = work.next();
    if (next.done === true) return next.value;
  }
}

/** Does one slice of the work in each turn of the event loop. Resolves to its result. */
async function inTurns<T>(work: Work<T>): Promise<T> {
  for (;;) {
    const end = time.now() + sliceMs;
    do {
      const next = work.next();
      if (next.done === true) return next.value;
    } while (time.now() < end);
    await turn();
  }
}

/** Calls `map` for each item, in slices. Resolves to the results. */
export async function inSlices<T, R>(items: Iterable<T>, map: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  await inTurns(forEach(items, (item) => results.push(map(item))));
  return results;
}

/** Sorts in slices. Resolves to the sorted items. Equal items keep their order. */
export function sortedInSlices<T>(items: readonly T[], compare: (a: T, b: T) => number): Promise<readonly T[]> {
  return inTurns(sorted(items, compare));
}
