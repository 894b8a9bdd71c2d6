// Estimates the memory that the messages in queues need. Above the watermark publishers are blocked, below nine tenths of
// it they go on.

import { Contents } from './contents.ts';
import type { Message } from './message.ts';

/**
 * Estimated memory of a message beside its bytes, and of its entry in each queue. Objects and the garbage collector's spare
 * room are included: 300,000 messages of 10 bytes take 650 bytes of resident memory each, and 466 are counted.
 */
const messageBytes = 300;
const entryBytes = 180;
const resumeAt = 0.9;

export class Memory {
  readonly limitBytes: number;
  usedBytes = 0;
  isHigh = false;
  readonly #contents = new Contents();
  readonly #onChange: (isHigh: boolean) => void;

  constructor(limitBytes: number, onChange: (isHigh: boolean) => void) {
    this.limitBytes = limitBytes;
    this.#onChange = onChange;
  }

  /** A queue holds the message from now on. */
  hold(message: Message): void {
    this.usedBytes += entryBytes;
    if (message.holders++ === 0) this.usedBytes += this.#contents.keep(message) + messageBytes;
    if (!this.isHigh && this.usedBytes > this.limitBytes) this.#change(true);
  }

  /** A queue has let go of it. */
  release(message: Message): void {
    this.usedBytes -= entryBytes;
    if (--message.holders === 0) this.usedBytes -= this.#contents.release(message) + messageBytes;
    if (this.isHigh && this.usedBytes < this.limitBytes * resumeAt) this.#change(false);
  }

  #change(isHigh: boolean): void {
    this.isHigh = isHigh;
    this.#onChange(isHigh);
  }
}
