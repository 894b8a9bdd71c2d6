// Decides the order in which suspects are handled. Those with the fewest attempts come first. Among those with equal
// attempts, the last and the first by id alternate from attempt to attempt. After two more crashes, all harmless messages
// have therefore been handled, wherever the harmful one is in the order.

import type { Message } from '../../handlers/handler.ts';

interface Suspect<Item> {
  readonly item: Item;
  /** Number of the arrival. It decides between messages with equal ids, or without one. */
  readonly number: number;
}

export class Suspects<Item extends { readonly message: Message }> {
  /** Sorted if `#isSorted`. The next one is at the end. */
  #all: Suspect<Item>[] = [];
  #isSorted = true;
  #added = 0;

  get size(): number {
    return this.#all.length;
  }

  add(item: Item): void {
    this.#all.push({ item, number: this.#added });
    this.#added += 1;
    this.#isSorted = false;
  }

  /** Removes and returns the suspect that must be handled next. */
  take(): Item | undefined {
    // There can be hundreds of thousands, so they are sorted only after an arrival.
    if (!this.#isSorted) this.#all.sort(latestFirst);
    this.#isSorted = true;
    return this.#all.pop()?.item;
  }

  /** Removes the suspects for which `isKept` returns `false`. */
  keep(isKept: (item: Item) => boolean): void {
    this.#all = this.#all.filter(({ item }) => isKept(item));
  }

  /** Returns all suspects in the order of their arrival. */
  list(): Item[] {
    return this.#all.toSorted((one, other) => one.number - other.number).map(({ item }) => item);
  }
}

/** Compares two suspects. The one that must be handled later comes first. */
function latestFirst(one: Suspect<{ message: Message }>, other: Suspect<{ message: Message }>): number {
  const { attempt } = one.item.message;
  if (attempt !== other.item.message.attempt) return other.item.message.attempt - attempt;
  const [id, otherId] = [idOf(one.item.message), idOf(other.item.message)];
  // Suspects are sorted by id, because they may return in another order (RabbitMQ 4.0: quorum queues).
  const order = id === otherId ? one.number - other.number : id < otherId ? -1 : 1;
  return attempt % 2 === 0 ? order : -order;
}

function idOf({ properties }: Message): string {
  return properties.messageId ?? '';
}
