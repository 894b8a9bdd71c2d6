// A simulated pipe between two processes. Each chunk arrives by an event of the reading process, so that its code runs as
// this process.

import { Readable, Writable } from 'node:stream';
import type { Owner, World } from './world.ts';

type Done = (error?: Error | null) => void;

/** Bytes that a pipe holds on Linux (pipe(7)). */
const capacity = 65_536;

export class Pipe {
  readonly writer: Writable;
  readonly reader: Readable;
  readonly #world: World;
  readonly #from: Owner;
  readonly #to: Owner;
  /** Chunks that the reader has not read. `null` is the end. */
  readonly #held: (Buffer | null)[] = [];
  #bytes = 0;
  #isReading = false;
  #isScheduled = false;
  #isWriterClosed = false;
  #isReaderClosed = false;
  #onRoom: Done | undefined;

  constructor(world: World, from: Owner, to: Owner) {
    this.#world = world;
    this.#from = from;
    this.#to = to;
    this.writer = new Writable({
      write: (chunk: Buffer, _encoding, done) => this.#write(Buffer.from(chunk), done),
      final: (done) => {
        this.closeWriter();
        done();
      },
      destroy: (error, done) => {
        this.closeWriter();
        done(error);
      },
    });
    this.reader = new Readable({
      read: () => {
        this.#isReading = true;
        this.#schedule();
      },
      destroy: (error, done) => {
        this.closeReader();
        done(error);
      },
    });
  }

  /** Closes the writing end, as its process or its end does. The reader first receives what was written. */
  closeWriter(): void {
    if (this.#isWriterClosed) return;
    this.#isWriterClosed = true;
    this.#held.push(null);
    this.#schedule();
  }

  /** Closes the reading end. The next write fails with EPIPE. */
  closeReader(): void {
    if (this.#isReaderClosed) return;
    this.#isReaderClosed = true;
    this.#held.length = 0;
    this.#makeRoom();
  }

  #write(chunk: Buffer, done: Done): void {
    if (!this.#from.isAlive) return;
    this.#onRoom = done;
    if (!this.#isReaderClosed) {
      this.#held.push(chunk);
      this.#bytes += chunk.length;
      this.#schedule();
    }
    this.#makeRoom();
  }

  /** Completes the last write when the pipe has room, or no reader. */
  #makeRoom(): void {
    const done = this.#onRoom;
    if (done === undefined || (this.#bytes >= capacity && !this.#isReaderClosed)) return;
    this.#onRoom = undefined;
    const error = this.#isReaderClosed ? brokenPipe() : null;
    this.#world.after(0, () => done(error), this.#from);
  }

  #schedule(): void {
    if (this.#isScheduled || !this.#isReading || this.#held.length === 0) return;
    this.#isScheduled = true;
    const ms = this.#world.random.below(100) / 1000;
    this.#world.after(ms, () => this.#deliver(), this.#to);
  }

  #deliver(): void {
    this.#isScheduled = false;
    while (this.#isReading && this.#held.length > 0 && !this.#isReaderClosed) {
      const chunk = this.#held.shift() ?? null;
      this.#bytes -= chunk?.length ?? 0;
      this.#isReading = this.reader.push(chunk) && chunk !== null;
    }
    this.#makeRoom();
  }
}

function brokenPipe(): Error {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE', errno: -32, syscall: 'write' });
}
