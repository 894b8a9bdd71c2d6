// Whether what waits to leave a socket leaves it: an upload that takes its time looks like a node that says nothing.

import type { Duplex } from 'node:stream';

export class Outflow {
  #stream: Duplex | undefined;
  #hadBacklog = false;
  #sent = 0;

  /**
   * Whether bytes that waited at the last look have left for the system since. A socket without a backlog says nothing:
   * the system takes what little is sent, also where nobody receives it.
   */
  hasMoved(stream: Duplex & { readonly bytesWritten?: number }): boolean {
    // Node: `bytesWritten` counts what is queued as well, such as heartbeats that never leave.
    const sent = (stream.bytesWritten ?? 0) - stream.writableLength;
    const hasMoved = stream === this.#stream && this.#hadBacklog && sent !== this.#sent;
    this.#stream = stream;
    this.#hadBacklog = stream.writableNeedDrain;
    this.#sent = sent;
    return hasMoved;
  }
}
