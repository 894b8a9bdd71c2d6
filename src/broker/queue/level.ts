// The ready messages of one priority, in the order of delivery.

import { Deque } from './deque.ts';
import type { Entry } from './entry.ts';

/** Entries that come back join the others while that moves no more than so many of them. */
const cheapMoves = 4096;

/**
 * Many entries that come back at once stay together in a run of their own, so that their return takes no time that grows with
 * their number. The next entry to leave is the first one of a run.
 */
export class Level {
  length = 0;
  /** Whether an entry that comes back goes to where it was. If not, it goes behind the entries that are there. */
  readonly #isSorted: boolean;
  /** The run that new entries join. */
  #last = new Deque<Entry>();
  /** The other runs, none of them empty: a heap by their first entries, or in order if entries are not sorted. */
  readonly #runs: Deque<Entry>[] = [];

  constructor({ isSorted }: { isSorted: boolean }) {
    this.#isSorted = isSorted;
  }

  push(entry: Entry): void {
    this.#last.push(entry);
    this.length++;
  }

  first(): Entry | undefined {
    return this.#next().first();
  }

  shift(): Entry | undefined {
    const run = this.#next();
    const entry = run.shift();
    if (entry === undefined) return undefined;
    this.length--;
    if (run !== this.#last) this.#settleTop();
    if (this.#last.length === 0 && this.#runs.length === 1) this.#last = this.#runs.pop() as Deque<Entry>;
    return entry;
  }

  /** Takes entries back, which are sorted if those here are. The caller does not use the deque afterwards. */
  putBack(entries: Deque<Entry>): void {
    const [first, last] = [entries.first(), entries.last()];
    if (first === undefined || last === undefined) return;
    const wasEmpty = this.length === 0;
    this.length += entries.length;
    if (wasEmpty) this.#last = entries;
    else if (!this.#isSorted) this.#append(entries);
    else if (first === last) this.#last.insert(first, (other) => isEarlier(first, other));
    else if (this.#last.countBefore((other) => isEarlier(last, other)) + entries.length <= cheapMoves)
      this.#last.merge([...entries], isEarlier);
    else this.#addRun(entries);
  }

  /** By runs, which is not the order of delivery. */
  *[Symbol.iterator](): Generator<Entry> {
    for (const run of this.#runs) yield* run;
    yield* this.#last;
  }

  #next(): Deque<Entry> {
    const [top] = this.#runs;
    if (top === undefined) return this.#last;
    const [one, other] = [top.first(), this.#last.first()];
    return this.#isSorted && one !== undefined && other !== undefined && isEarlier(other, one) ? this.#last : top;
  }

  #append(entries: Deque<Entry>): void {
    if (entries.length <= cheapMoves) {
      for (const entry of entries) this.#last.push(entry);
      return;
    }
    if (this.#last.length > 0) this.#runs.push(this.#last);
    this.#last = entries;
  }

  /** Adds a run to the heap. */
  #addRun(run: Deque<Entry>): void {
    const runs = this.#runs;
    let at = runs.push(run) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(runs[at], runs[parent])) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** The first entry of the first run has left. */
  #settleTop(): void {
    const runs = this.#runs;
    const isEmpty = runs[0]?.length === 0;
    if (!this.#isSorted) {
      if (isEmpty) runs.shift();
      return;
    }
    if (isEmpty) {
      this.#swap(0, runs.length - 1);
      runs.pop();
    }
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (isBefore(runs[child], runs[least])) least = child;
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }

  #swap(one: number, other: number): void {
    const runs = this.#runs;
    [runs[one], runs[other]] = [runs[other] as Deque<Entry>, runs[one] as Deque<Entry>];
  }
}

/** Whether a run has to be served before another one. */
function isBefore(run: Deque<Entry> | undefined, other: Deque<Entry> | undefined): boolean {
  const [one, two] = [run?.first(), other?.first()];
  return one !== undefined && two !== undefined && isEarlier(one, two);
}

function isEarlier(one: Entry, other: Entry): boolean {
  return one.position < other.position;
}
