// The deliveries of one channel that the client has not settled: the tags that the client knows, and those of the core.

export interface Delivery {
  readonly coreTag: number;
  readonly queue: string;
  /** `undefined` after basic.get. */
  readonly consumerTag: string | undefined;
  /** True if the message was returned to its queue. RabbitMQ ignores what the client then sends for the delivery. */
  isReturned: boolean;
}

export class DeliveryTags {
  #last = 0;
  readonly #unsettled = new Map<number, Delivery>();

  get size(): number {
    return this.#unsettled.size;
  }

  /** Returns the tag of a delivery without acknowledgement. */
  next(): number {
    return ++this.#last;
  }

  add(delivery: Omit<Delivery, 'isReturned'>): number {
    const tag = this.next();
    this.#unsettled.set(tag, { ...delivery, isReturned: false });
    return tag;
  }

  /** Removes and returns the deliveries that a client settles. Returns `undefined` for an unknown tag. */
  settle(tag: number, multiple: boolean): Delivery[] | undefined {
    if (tag !== 0 && !this.#unsettled.has(tag)) return undefined;
    const tags = multiple ? [...this.#unsettled.keys()].filter((each) => tag === 0 || each <= tag) : [tag];
    return tags.flatMap((each) => {
      const delivery = this.#unsettled.get(each);
      this.#unsettled.delete(each);
      return delivery === undefined ? [] : [delivery];
    });
  }

  /** Marks deliveries as returned, and returns them. */
  return(isMeant: (delivery: Delivery) => boolean): Delivery[] {
    const meant = [...this.#unsettled.values()].filter((each) => !each.isReturned && isMeant(each));
    for (const delivery of meant) delivery.isReturned = true;
    return meant;
  }

  /** Returns true if a delivery is unsettled, and was not returned. */
  has(isMeant: (delivery: Delivery) => boolean): boolean {
    return this.#unsettled.values().some((each) => !each.isReturned && isMeant(each));
  }

  clear(): void {
    this.#unsettled.clear();
  }
}
