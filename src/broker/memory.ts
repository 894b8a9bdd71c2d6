// What the messages in queues weigh. Above the watermark publishers are blocked, below nine tenths of it they go on.

import type { Message } from './message.ts';

/** What a queued message costs beside its bytes, about. */
const overheadBytes = 300;
const resumeAt = 0.9;

export class Memory {
  readonly limitBytes: number;
  usedBytes = 0;
  isHigh = false;
  readonly #onChange: (isHigh: boolean) => void;

  constructor(limitBytes: number, onChange: (isHigh: boolean) => void) {
    this.limitBytes = limitBytes;
    this.#onChange = onChange;
  }

  /** A queue holds the message from now on. */
  hold(message: Message): void {
    if (message.holders++ > 0) return;
    this.usedBytes += message.content.length + overheadBytes;
    if (!this.isHigh && this.usedBytes > this.limitBytes) this.#change(true);
  }

  /** A queue has let go of it. */
  release(message: Message): void {
    if (--message.holders > 0) return;
    this.usedBytes -= message.content.length + overheadBytes;
    if (this.isHigh && this.usedBytes < this.limitBytes * resumeAt) this.#change(false);
  }

  #change(isHigh: boolean): void {
    this.isHigh = isHigh;
    this.#onChange(isHigh);
  }
}
