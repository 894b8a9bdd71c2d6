// Long work in slices: a few milliseconds in each turn of the event loop, so that no client waits long for another one.

/** Time of one slice of one task, and of all slices in one turn, in milliseconds. */
export const sliceMs = 4;
const turnMs = 8;
/** Number of steps between two looks at the clock. */
const stepsPerLook = 32;

/** Does one slice of its work. Returns true when everything is done. */
type Task = () => boolean;

export class Slices {
  #tasks: Task[] = [];
  #immediate: NodeJS.Immediate | undefined;

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

  #turn(): void {
    const end = performance.now() + turnMs;
    do {
      const task = this.#tasks.shift();
      if (task === undefined) break;
      if (!task()) this.#tasks.push(task);
    } while (performance.now() < end);
    this.#immediate = this.#tasks.length === 0 ? undefined : setImmediate(() => this.#turn());
  }
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
