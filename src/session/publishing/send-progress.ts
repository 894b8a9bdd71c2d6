// Detects whether the data that is queued for a socket is being sent, because a slow upload looks like a node that does
// not answer.

import type { Writable } from 'node:stream';

/** A socket. A stream that is not a socket has no `bytesWritten`. */
export type Upload = Pick<Writable, 'writableLength' | 'writableNeedDrain'> & { readonly bytesWritten?: number };

export class SendProgress {
  #stream: Upload | undefined;
  #hadBacklog = false;
  #sent = 0;

  /**
   * Reports whether data that was queued at the last check has been passed to the operating system since. Without a
   * backlog it returns `false`, because the operating system accepts small amounts even if the peer does not read them.
   */
  hasMoved(stream: Upload): boolean {
    // Node: `bytesWritten` also counts queued data, such as heartbeats that are never sent.
    const sent = (stream.bytesWritten ?? 0) - stream.writableLength;
    const hasMoved = stream === this.#stream && this.#hadBacklog && sent !== this.#sent;
    this.#stream = stream;
    this.#hadBacklog = stream.writableNeedDrain;
    this.#sent = sent;
    return hasMoved;
  }
}
