// A binary heap of events, ordered by their time, and by the order in which they were added.

export interface Event {
  /** Virtual time in milliseconds. */
  at: number;
  order: number;
}

export class EventQueue<E extends Event> {
  readonly #heap: E[] = [];

  get size(): number {
    return this.#heap.length;
  }

  add(event: E): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as E;
      if (isBefore(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  /** Removes and returns the first event. */
  take(): E | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || first === last) return first;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      const right = heap[child + 1];
      if (right !== undefined && isBefore(right, heap[child] as E)) child += 1;
      const below = heap[child] as E;
      if (isBefore(last, below)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
    return first;
  }

  /** Removes all events for which the function returns `true`. */
  remove(isRemoved: (event: E) => boolean): void {
    for (const event of this.#heap.splice(0)) if (!isRemoved(event)) this.add(event);
  }

  /** Returns all events, in no particular order. */
  all(): readonly E[] {
    return this.#heap;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
