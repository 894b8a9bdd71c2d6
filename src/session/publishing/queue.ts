// A queue of items with consecutive positions. An item can be removed from the middle; the others keep their positions.

/** Number of removed items at the start after which the list is shortened. */
const mostRemoved = 1024;

export class Queue<Item extends object> {
  readonly #items: (Item | undefined)[] = [];
  #head = 0;
  /** Position of `#items[0]`. */
  #start: number;

  constructor(firstPosition: number) {
    this.#start = firstPosition;
  }

  get first(): Item | undefined {
    return this.#items[this.#head];
  }

  /** Position of the first item. In an empty queue, the position of the next item. */
  get firstPosition(): number {
    return this.#start + this.#head;
  }

  /** Position of the next item. */
  get endPosition(): number {
    return this.#start + this.#items.length;
  }

  *[Symbol.iterator](): Generator<Item> {
    for (const item of this.#items) if (item) yield item;
  }

  /** Adds an item and returns its position. */
  push(item: Item): number {
    return this.#start + this.#items.push(item) - 1;
  }

  at(position: number): Item | undefined {
    return this.#items[position - this.#start];
  }

  /** Removes the item at this position. Does nothing if no item has it. */
  remove(position: number): void {
    const items = this.#items;
    const index = position - this.#start;
    if (index < this.#head || index >= items.length) return;
    items[index] = undefined;
    while (this.#head < items.length && items[this.#head] === undefined) this.#head += 1;
    if (this.#head < mostRemoved || this.#head * 2 < items.length) return;
    items.splice(0, this.#head);
    this.#start += this.#head;
    this.#head = 0;
  }
}
