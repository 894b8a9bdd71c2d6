// A map by delivery tag, in pages of consecutive tags. A Map that deliveries enter and leave replaces its table again and
// again. The garbage collector of V8 keeps all that a replaced table in the old generation refers to until the next full
// collection, and copies it. That would be most messages of a broker with many channels.

const pageSize = 64;

interface Page<T> {
  readonly number: number;
  readonly values: (T | undefined)[];
  count: number;
}

export class TagMap<T> {
  size = 0;
  /** In ascending order. The newest page stays when it becomes empty, so that single deliveries do not need a page each. */
  readonly #pages = new Map<number, Page<T>>();
  #newest: Page<T> | undefined;
  /** The page of the last lookup. */
  #found: Page<T> | undefined;

  /** Adds a value. Its tag must be greater than all tags in the map. */
  add(tag: number, value: T): void {
    const number = pageOf(tag);
    const page = this.#newest?.number === number ? this.#newest : this.#addPage(number);
    page.values[tag - number * pageSize] = value;
    page.count++;
    this.size++;
  }

  has(tag: number): boolean {
    return this.#find(tag)?.values[tag % pageSize] !== undefined;
  }

  /** Removes and returns the value of a tag, or returns `undefined` if the map does not contain it. */
  take(tag: number): T | undefined {
    const page = this.#find(tag);
    return page === undefined ? undefined : this.#takeFrom(page, tag % pageSize);
  }

  /** Removes the values up to a tag and yields them in the order of the tags. */
  *takeUpTo(tag: number): Generator<T> {
    for (const page of this.#pages.values()) {
      const first = page.number * pageSize;
      for (let index = 0; index < pageSize && page.count > 0; index++) {
        if (first + index > tag) return;
        const value = this.#takeFrom(page, index);
        if (value !== undefined) yield value;
      }
    }
  }

  #find(tag: number): Page<T> | undefined {
    const number = pageOf(tag);
    if (this.#found?.number !== number) this.#found = this.#pages.get(number);
    return this.#found;
  }

  #takeFrom(page: Page<T>, index: number): T | undefined {
    const value = page.values[index];
    if (value === undefined) return undefined;
    page.values[index] = undefined;
    page.count--;
    this.size--;
    if (page.count === 0 && page !== this.#newest) this.#pages.delete(page.number);
    return value;
  }

  #addPage(number: number): Page<T> {
    if (this.#newest?.count === 0) this.#pages.delete(this.#newest.number);
    const page: Page<T> = { number, values: new Array(pageSize), count: 0 };
    this.#pages.set(number, page);
    this.#newest = page;
    return page;
  }
}

function pageOf(tag: number): number {
  return Math.floor(tag / pageSize);
}
