// The ready entries of one priority, in the order of delivery.

import { Deque } from './deque.ts';
import type { QueueEntry } from './entry.ts';

/** Returned entries are merged with the others if that moves at most this number of entries. */
const cheapMoves = 4096;

/**
 * A list of runs. The entries of a run are in order. Many entries that return together become a run of their own, because
 * merging them would take long. The next entry to deliver is at the head of one of the runs.
 */
export class Level {
  length = 0;
  /** True if a returned entry goes back to its old position. If false, it goes behind all other entries of this level. */
  readonly #isSorted: boolean;
  /** The run to which new entries are added. */
  #last = new Deque<QueueEntry>();
  /** The other runs. None is empty. They form a heap by first entry if the level is sorted, else they are in order of delivery. */
  readonly #runs: Deque<QueueEntry>[] = [];

  constructor({ isSorted }: { isSorted: boolean }) {
    this.#isSorted = isSorted;
  }

  push(entry: QueueEntry): void {
    this.#last.push(entry);
    this.length++;
  }

  first(): QueueEntry | undefined {
    return this.#next().first();
  }

  shift(): QueueEntry | undefined {
    const run = this.#next();
    const entry = run.shift();
    if (entry === undefined) return undefined;
    this.length--;
    if (run !== this.#last) this.#settleTop();
    if (this.#last.length === 0 && this.#runs.length === 1) this.#last = this.#runs.pop() ?? this.#last;
    return entry;
  }

  /** Adds returned entries. They must be sorted if the level is sorted. The caller must not use the deque afterwards. */
  putBack(entries: Deque<QueueEntry>): void {
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

  /** Iterates over one run after the other, which is not the order of delivery. */
  *[Symbol.iterator](): Generator<QueueEntry> {
    for (const run of this.#runs) yield* run;
    yield* this.#last;
  }

  #next(): Deque<QueueEntry> {
    const [top] = this.#runs;
    if (top === undefined) return this.#last;
    const [one, other] = [top.first(), this.#last.first()];
    return this.#isSorted && one !== undefined && other !== undefined && isEarlier(other, one) ? this.#last : top;
  }

  #append(entries: Deque<QueueEntry>): void {
    if (entries.length <= cheapMoves) {
      for (const entry of entries) this.#last.push(entry);
      return;
    }
    if (this.#last.length > 0) this.#runs.push(this.#last);
    this.#last = entries;
  }

  /** Adds a run to the heap. */
  #addRun(run: Deque<QueueEntry>): void {
    const runs = this.#runs;
    let at = runs.push(run) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(runs[at], runs[parent])) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Restores the heap after the first run has lost its first entry. */
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
    const [first, second] = [this.#runs[one], this.#runs[other]];
    if (first === undefined || second === undefined) return;
    this.#runs[one] = second;
    this.#runs[other] = first;
  }
}

/** Returns true if the first entry of `run` comes before the first entry of `other`. */
function isBefore(run: Deque<QueueEntry> | undefined, other: Deque<QueueEntry> | undefined): boolean {
  const [one, two] = [run?.first(), other?.first()];
  return one !== undefined && two !== undefined && isEarlier(one, two);
}

function isEarlier(one: QueueEntry, other: QueueEntry): boolean {
  return one.position < other.position;
}
