// Estimates the memory of the messages in queues. Publishers are blocked above the limit, and resume below 90 % of it.

import { Contents } from './contents.ts';
import type { Message } from './message.ts';

/**
 * Estimated overhead of a message, and of its entry in each queue, in bytes. It includes the objects and a part of the spare
 * memory of the garbage collector. With 300,000 messages of 10 bytes, one message uses about 650 bytes of resident memory.
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

  /** Counts that a queue holds the message. */
  hold(message: Message): void {
    this.usedBytes += entryBytes;
    if (message.holders++ === 0) this.usedBytes += this.#contents.keep(message) + messageBytes;
    if (!this.isHigh && this.usedBytes > this.limitBytes) this.#change(true);
  }

  /** Counts that a queue no longer holds the message. */
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
