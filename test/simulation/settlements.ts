// Checks that a store keeps settlements. A message that has left its queue may come back at the next start only if the store had
// no time to write this: decision 3 promises a write after 20 ms, and `committed` promises everything that came before.

import type { Store } from '../../src/broker/store/contract.ts';
import type { Owner, World } from './world/world.ts';

/** Milliseconds without a disk operation after which a store has nothing left to write. The delay of a write is 20 ms. */
const quietMs = 60;

interface Settlement {
  readonly id: number;
  readonly queue: string;
}

export class Settlements {
  readonly #world: World;
  /** The settlements of the store that was opened last, in their order. */
  #all: Settlement[] = [];
  /** Number of the settlements that are durable. */
  #durable = 0;
  /** Number of disk operations that have begun. */
  #operations = 0;
  #running = 0;
  #isWaiting = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** Call this around each disk operation. */
  async during(operation: Promise<void>): Promise<void> {
    this.#operations += 1;
    this.#running += 1;
    await operation;
    this.#running -= 1;
  }

  /**
   * Records what a new store settles. Returns a line for each message that it has recovered although the store before it had
   * settled it.
   */
  observe(store: Store, owner: Owner): string[] {
    const durable = new Set(this.#all.slice(0, this.#durable).map(keyOf));
    const back = store.recovered.entries
      .map(({ message: { id }, queue }) => ({ id, queue }))
      .filter((entry) => durable.has(keyOf(entry)));
    this.#all = [];
    this.#durable = 0;
    this.#running = 0;
    this.#isWaiting = false;
    const { settle, committed } = store;
    store.settle = (id, queue) => {
      settle.call(store, id, queue);
      if (store.failure !== undefined) return;
      this.#all.push({ id, queue });
      this.#awaitQuiet(store, owner);
    };
    store.committed = (done) => {
      const { length } = this.#all;
      committed.call(store, (error) => {
        if (error === undefined) this.#durable = Math.max(this.#durable, length);
        done(error);
      });
    };
    return back.map(({ id, queue }) => `a settled message came back after a start of the broker: ${id} of ${queue}`);
  }

  /** Marks settlements as durable when the disk was quiet for some time in which the process has run. */
  #awaitQuiet(store: Store, owner: Owner): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    const all = this.#all;
    const { length } = all;
    const before = this.#running === 0 ? this.#operations : undefined;
    const check = () => {
      if (this.#all !== all || store.failure !== undefined) return;
      this.#isWaiting = false;
      if (before === this.#operations) this.#durable = Math.max(this.#durable, length);
      if (this.#durable < all.length) this.#awaitQuiet(store, owner);
    };
    // The second event lets everything run that was due at the same time.
    this.#world.after(quietMs, () => this.#world.after(1, check, owner), owner);
  }
}

function keyOf({ id, queue }: Settlement): string {
  return `${id} ${queue}`;
}
