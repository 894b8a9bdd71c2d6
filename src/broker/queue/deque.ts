// A double-ended queue in a ring buffer: constant time at both ends, and insertion into a sorted deque.

const minimumSize = 16;
/** A ring up to this size does not shrink. */
const keptSize = 1024;

export class Deque<T> {
  #ring: (T | undefined)[] = new Array(minimumSize);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Returns the value at an index, which counts from the head. */
  at(index: number): T | undefined {
    return index < 0 || index >= this.#length ? undefined : this.#ring[(this.#head + index) & (this.#ring.length - 1)];
  }

  first(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  last(): T | undefined {
    return this.at(this.#length - 1);
  }

  push(value: T): void {
    if (this.#length === this.#ring.length) this.#resize(this.#length * 2);
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = value;
    this.#length++;
  }

  unshift(value: T): void {
    if (this.#length === this.#ring.length) this.#resize(this.#length * 2);
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#ring[this.#head] = value;
    this.#length++;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const value = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    // The ring shrinks, so that a deque that was long does not keep its memory.
    if (this.#ring.length > keptSize && this.#length < this.#ring.length >> 3) this.#resize(this.#ring.length >> 1);
    return value;
  }

  /**
   * Returns the number of values in front of the first value for which `isAfter` returns true. It must also return true for
   * all later values.
   */
  countBefore(isAfter: (other: T) => boolean): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.at(middle);
      if (other !== undefined && isAfter(other)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Inserts a value in front of the first value for which `isAfter` returns true. See `countBefore`. */
  insert(value: T, isAfter: (other: T) => boolean): void {
    const low = this.countBefore(isAfter);
    if (low === 0) {
      this.unshift(value);
      return;
    }
    // The values of the shorter side move by one index.
    if (low > this.#length >> 1) {
      this.push(value);
      for (let index = this.#length - 1; index > low; index--) this.#put(index, this.at(index - 1));
    } else {
      this.unshift(value);
      for (let index = 0; index < low; index++) this.#put(index, this.at(index + 1));
    }
    this.#put(low, value);
  }

  /**
   * Inserts sorted values into a sorted deque. The time grows with the number of values in front of the last inserted one.
   */
  merge(values: readonly T[], isBefore: (one: T, other: T) => boolean): void {
    const last = values.at(-1);
    if (last === undefined) return;
    const earlier: T[] = [];
    for (let first = this.first(); first !== undefined && isBefore(first, last); first = this.first()) {
      earlier.push(first);
      this.shift();
    }
    for (const value of values.toReversed()) {
      for (let other = earlier.at(-1); other !== undefined && !isBefore(other, value); other = earlier.at(-1)) {
        this.unshift(other);
        earlier.pop();
      }
      this.unshift(value);
    }
    for (const value of earlier.reverse()) this.unshift(value);
  }

  /** Removes the first value that is equal to `value`, if there is one. */
  remove(value: T): void {
    let index = 0;
    while (index < this.#length && this.at(index) !== value) index++;
    if (index === this.#length) return;
    for (; index > 0; index--) this.#put(index, this.at(index - 1));
    this.shift();
  }

  *[Symbol.iterator](): Generator<T> {
    for (let index = 0; index < this.#length; index++) {
      const value = this.at(index);
      if (value !== undefined) yield value;
    }
  }

  #put(index: number, value: T | undefined): void {
    this.#ring[(this.#head + index) & (this.#ring.length - 1)] = value;
  }

  #resize(size: number): void {
    const ring: (T | undefined)[] = new Array(size);
    for (let index = 0; index < this.#length; index++) ring[index] = this.at(index);
    this.#ring = ring;
    this.#head = 0;
  }
}
