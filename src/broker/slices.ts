// Long work in slices: a few milliseconds in each turn of the event loop, so that no client waits long for another one.

/** Time of one slice of one task, and of all slices in one turn, in milliseconds. */
export const sliceMs = 4;
const turnMs = 8;
/** Number of steps between two looks at the clock. */
const stepsPerLook = 32;
/** Number of items that are sorted in one step. */
const firstRun = 128;

/** Does one slice of its work. Returns true when everything is done. */
type Task = () => boolean;

export class Slices {
  #tasks: Task[] = [];
  #immediate: NodeJS.Immediate | undefined;
  #onIdle: (() => void)[] = [];

  /** Runs a task slice by slice, from the next turn on, in rotation with the others. */
  add(task: Task): void {
    this.#tasks.push(task);
    this.#immediate ??= setImmediate(() => this.#turn());
  }

  /** Calls `step` for each item. The first slice runs at once, so that short work ends within this call. */
  each<T>(items: Iterable<T>, step: (item: T) => void, done: () => void = () => undefined): void {
    const iterator = items[Symbol.iterator]();
    const task = () => {
      const end = performance.now() + sliceMs;
      for (let count = 1; ; count++) {
        const next = iterator.next();
        if (next.done === true) break;
        step(next.value);
        if (count % stepsPerLook === 0 && performance.now() > end) return false;
      }
      done();
      return true;
    };
    if (!task()) this.add(task);
  }

  /** Resolves when no task is left. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#tasks.length === 0) resolve();
      else this.#onIdle.push(resolve);
    });
  }

  #turn(): void {
    const end = performance.now() + turnMs;
    do {
      const task = this.#tasks.shift();
      if (task === undefined) break;
      if (!task()) this.#tasks.push(task);
    } while (performance.now() < end);
    this.#immediate = this.#tasks.length === 0 ? undefined : setImmediate(() => this.#turn());
    if (this.#tasks.length === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

/** Resolves to the sorted items; equal ones keep their order. */
export async function sortedInSlices<T>(items: readonly T[], compare: (a: T, b: T) => number): Promise<T[]> {
  const starts = Array.from({ length: Math.ceil(items.length / firstRun) }, (_, index) => index * firstRun);
  let runs = await inSlices(starts, (start) => items.slice(start, start + firstRun).sort(compare));
  while (runs.length > 1) {
    const longer: T[][] = [];
    for (let index = 0; index < runs.length; index += 2) {
      longer.push(await inSlices(merged(runs[index] ?? [], runs[index + 1] ?? [], compare), (item) => item));
    }
    runs = longer;
  }
  return runs[0] ?? [];
}

function* merged<T>(left: readonly T[], right: readonly T[], compare: (a: T, b: T) => number): Generator<T> {
  let next = 0;
  for (const item of left) {
    while (next < right.length && compare(right[next] as T, item) < 0) yield right[next++] as T;
    yield item;
  }
  while (next < right.length) yield right[next++] as T;
}

/** Resolves to the results of `map`, which is called for a slice of the items in each turn. */
export async function inSlices<T, R>(items: Iterable<T>, map: (item: T) => R): Promise<R[]> {
  const results: R[] = [];
  let end = performance.now() + sliceMs;
  for (const item of items) {
    results.push(map(item));
    if (results.length % stepsPerLook !== 0 || performance.now() < end) continue;
    await new Promise((turned) => setImmediate(turned));
    end = performance.now() + sliceMs;
  }
  return results;
}
