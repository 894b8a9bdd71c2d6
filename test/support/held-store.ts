// A store whose disk answers only when the test lets it.

import type { Store } from '../../src/broker/store/contract.ts';

const nothing = () => {};

export class HeldStore {
  /** The waits for the disk, in their order. Each function ends its wait, with an error if the disk has failed. */
  readonly waiting: ((error?: Error) => void)[] = [];
  /** False while the broker starts and stops, which also wait for the disk. */
  isHolding = false;
  readonly store: Store;

  constructor() {
    this.store = this.#store();
  }

  /** Ends all waits, and holds no more. */
  release(): void {
    this.isHolding = false;
    for (const end of this.waiting.splice(0)) end();
  }

  #store(): Store {
    let pendingBytes = 0;
    return {
      recovered: { definitions: [], entries: [] },
      define: () => {
        pendingBytes += 1;
      },
      undefine: nothing,
      enqueue: () => 1,
      settle: nothing,
      returned: nothing,
      drop: nothing,
      openStream: () => {
        throw new Error('the broker has no stream');
      },
      keepStreams: nothing,
      get pendingBytes() {
        return pendingBytes;
      },
      failure: undefined,
      committed: (done) => {
        const end = (error?: Error) => {
          pendingBytes = 0;
          done(error);
        };
        if (this.isHolding) this.waiting.push(end);
        else end();
      },
      close: () => Promise.resolve(),
    };
  }
}
