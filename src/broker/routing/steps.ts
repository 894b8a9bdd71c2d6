// Limits the work for the routing of one message, because routing blocks the event loop.

import { ProtocolError } from '../protocol-error.ts';

/** The number of steps that take about 50 ms. */
const limit = 300_000;

export class Steps {
  #count = 0;

  /** Counts steps. Throws 406 above the limit. */
  add(count: number): void {
    this.#count += count;
    if (this.#count <= limit) return;
    throw new ProtocolError('PRECONDITION_FAILED', `invalid message: {routing_too_expensive,${limit}}`);
  }
}
