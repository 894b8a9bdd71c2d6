// A set that iterates in the order of arrival. A Map or Set would do, but V8 links each table that a Map outgrows to the
// next one (OrderedHashTable::Rehash). Once a full garbage collection has moved a table to the old generation, all later
// ones survive each collection of the young generation, with what they contain.

/** An element of an ArrivalOrder. It can be in one at a time. */
export interface Placed {
  /** Set by the ArrivalOrder. Initially -1. */
  place: number;
}

export class ArrivalOrder<T extends Placed> implements Iterable<T> {
  readonly #items: (T | undefined)[] = [];
  /** Place of the next element. */
  #end = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(item: T): boolean {
    return item.place >= 0 && this.#items[item.place] === item;
  }

  /** Adds an element at the end, unless it is in the set. */
  add(item: T): void {
    if (this.has(item)) return;
    if (this.#end === this.#items.length && this.#size * 2 < this.#end) this.#closeGaps();
    item.place = this.#end;
    this.#items[this.#end] = item;
    this.#end += 1;
    this.#size += 1;
  }

  /** Returns `false` if the element is not in the set. */
  delete(item: T): boolean {
    if (!this.has(item)) return false;
    this.#items[item.place] = undefined;
    item.place = -1;
    this.#size -= 1;
    if (this.#size === 0) this.#end = 0;
    return true;
  }

  clear(): void {
    for (const item of this) this.delete(item);
  }

  /** Iterates over the elements of this moment. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.filter((item) => item !== undefined).values();
  }

  #closeGaps(): void {
    let end = 0;
    for (const [place, item] of this.#items.entries()) {
      if (!item) continue;
      this.#items[place] = undefined;
      this.#items[end] = item;
      item.place = end;
      end += 1;
    }
    this.#end = end;
  }
}
