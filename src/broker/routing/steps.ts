// The work that routing one message may cost. Routing is done in one piece, so nobody else is served meanwhile.

import { ProtocolError } from '../protocol-error.ts';

/** About 50 ms. */
const limit = 300_000;

export class Steps {
  #taken = 0;

  /** Throws 406 above the limit. */
  add(count: number): void {
    this.#taken += count;
    if (this.#taken <= limit) return;
    throw new ProtocolError('PRECONDITION_FAILED', `invalid message: {routing_too_expensive,${limit}}`);
  }
}
