// Reads the output of a child in chunks, and pauses the child while a chunk is being handled.

import type { Readable } from 'node:stream';
import { time, turn } from '../../time.ts';

/** Receives a chunk. If it returns a promise, reading pauses until it settles. The promise never rejects. */
export type OnChunk = (chunk: Buffer) => Promise<void> | undefined;

/** If a grandchild keeps a pipe open, the pipe is closed after this many milliseconds without output. */
const quietMs = 100;
/** Maximum number of times that `finish` waits for more output. */
const mostRounds = 20;

/** An output of a process. */
export interface ProcessOutput {
  /** Resolves when the output is closed. */
  readonly closed: Promise<void>;
  /** Call this after the process has ended. Reads what is left, until nothing more arrives. */
  finish(): Promise<void>;
}

export class OutputReader implements ProcessOutput {
  readonly closed: Promise<void>;
  readonly #stream: Readable;
  readonly #onChunk: OnChunk;
  #chunks = 0;
  #busy: Promise<void> | undefined;

  constructor(stream: Readable, onChunk: OnChunk) {
    this.#stream = stream;
    this.#onChunk = onChunk;
    this.closed = new Promise((resolve) => stream.once('close', resolve));
    stream.on('error', () => undefined);
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  async finish(): Promise<void> {
    for (let round = 0; round < mostRounds; round++) {
      const before = this.#chunks;
      if (await endsWithin(this.closed, quietMs)) return;
      await this.#busy;
      // Node runs timers before it reads input, so after a long event-loop turn the pipe has not been read yet.
      await turn();
      await turn();
      if (this.#chunks === before) break;
    }
    // A grandchild still keeps the pipe open.
    this.#stream.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#chunks++;
    this.#busy = this.#onChunk(chunk);
    if (this.#busy === undefined) return;
    this.#stream.pause();
    this.#busy.then(
      () => {
        this.#busy = undefined;
        this.#stream.resume();
      },
      () => undefined,
    );
  }
}

function endsWithin(closed: Promise<void>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = time.after(milliseconds, () => resolve(false));
    void closed.then(() => {
      timer.cancel();
      resolve(true);
    });
  });
}
