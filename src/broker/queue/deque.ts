// A double-ended queue in a ring: both ends in constant time, and an insertion where an order asks for one.

const smallest = 16;

export class Deque<T> {
  #ring: (T | undefined)[] = new Array(smallest);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Counted from the head. */
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
    // A queue that was long once does not keep the room for ever.
    if (this.#ring.length > 1024 && this.#length < this.#ring.length >> 3) this.#resize(this.#ring.length >> 1);
    return value;
  }

  /** Returns the number of values before the first one that `isAfter` says yes to; the values are sorted by that. */
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

  /** Before the first value that `isAfter` says yes to; the values are sorted by that. */
  insert(value: T, isAfter: (other: T) => boolean): void {
    const low = this.countBefore(isAfter);
    if (low === 0) {
      this.unshift(value);
      return;
    }
    // The shorter side moves by one place.
    if (low > this.#length >> 1) {
      this.push(value);
      for (let index = this.#length - 1; index > low; index--) this.#put(index, this.at(index - 1));
    } else {
      this.unshift(value);
      for (let index = 0; index < low; index++) this.#put(index, this.at(index + 1));
    }
    this.#put(low, value);
  }

  /** Inserts values that are sorted as those here are. It costs as much as there are values up to the place of the last one. */
  merge(values: readonly T[], isBefore: (one: T, other: T) => boolean): void {
    const last = values.at(-1);
    if (last === undefined) return;
    const former: T[] = [];
    for (let first = this.first(); first !== undefined && isBefore(first, last); first = this.first()) {
      former.push(first);
      this.shift();
    }
    let [ours, theirs] = [former.length - 1, values.length - 1];
    while (ours >= 0 || theirs >= 0) {
      const isOurs = theirs < 0 || (ours >= 0 && !isBefore(former[ours] as T, values[theirs] as T));
      this.unshift((isOurs ? former[ours--] : values[theirs--]) as T);
    }
  }

  /** Takes out the first value that is it, if there is one. */
  remove(value: T): void {
    for (let left = this.#length, found = false; left > 0; left--) {
      const other = this.shift() as T;
      if (!found && other === value) found = true;
      else this.push(other);
    }
  }

  *[Symbol.iterator](): Generator<T> {
    for (let index = 0; index < this.#length; index++) yield this.at(index) as T;
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
