// Reads one output of a child from its descriptor. Most programs end soon and write little, so it is read once, after
// the end. A stream, which costs more, is made only for a program that runs longer.

import { closeSync, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { type Timer, time } from '../../time.ts';
import { type OnChunk, OutputReader, type ProcessOutput } from './output-reader.ts';

/** Milliseconds until the output of a running program is shown. */
const streamAfterMs = 10;
/** Maximum number of reads after the end of the child. A grandchild may write for ever. */
const mostReads = 32;
const chunk = Buffer.allocUnsafeSlow(64 * 1024);

export class DescriptorOutput implements ProcessOutput {
  readonly closed: Promise<void>;
  readonly #closed = Promise.withResolvers<void>();
  readonly #descriptor: number;
  readonly #onChunk: OnChunk;
  readonly #timer: Timer;
  #reader: OutputReader | undefined;

  /** `descriptor` must not block. It is closed after the output. */
  constructor(descriptor: number, onChunk: OnChunk) {
    this.closed = this.#closed.promise;
    this.#descriptor = descriptor;
    this.#onChunk = onChunk;
    this.#timer = time.after(streamAfterMs, () => this.#stream());
  }

  async finish(): Promise<void> {
    this.#timer.cancel();
    if (this.#reader === undefined && (await this.#readAll())) {
      closeSync(this.#descriptor);
      this.#closed.resolve();
    } else await this.#stream().finish();
  }

  /** Reads what has arrived. Returns `true` at its end, and `false` if another process may still write. */
  async #readAll(): Promise<boolean> {
    for (let reads = 0; reads < mostReads; reads++) {
      const size = readNow(this.#descriptor);
      if (size === 0) return true;
      if (size === undefined) return false;
      await this.#onChunk(Buffer.from(chunk.subarray(0, size)));
    }
    return false;
  }

  #stream(): OutputReader {
    if (this.#reader === undefined) {
      const socket = new Socket({ fd: this.#descriptor, readable: true, writable: false });
      this.#reader = new OutputReader(socket, this.#onChunk);
      void this.#reader.closed.then(this.#closed.resolve);
    }
    return this.#reader;
  }
}

/** Reads into `chunk`. Returns `undefined` if nothing has arrived and it is open. */
function readNow(descriptor: number): number | undefined {
  try {
    return readSync(descriptor, chunk);
  } catch {
    return undefined; // EAGAIN
  }
}
