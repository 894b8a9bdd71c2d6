// Stores the contents of messages in queues. Small contents are copied into shared slabs, because a separate small buffer
// costs several times its size, and a slice of a larger buffer keeps the whole buffer in memory.

const slabBytes = 32 * 1024;
const largestSmall = 2048;

interface StoredContent {
  content: Buffer;
  /** The slices of a large body. */
  readonly more: readonly Buffer[];
  /** The length of content and slices. */
  readonly contentLength: number;
  slab: Slab | undefined;
}

export interface Slab {
  readonly buffer: Buffer;
  used: number;
  /** Bytes of messages that queues still hold. */
  live: number;
  /** All messages that were copied into the slab, including those that no queue holds any more. */
  messages: StoredContent[];
}

export class Contents {
  #active = newSlab();

  /**
   * Copies a small content into a slab. Copies a large content only if it is a slice of a much larger buffer. Returns the
   * number of added bytes.
   */
  keep(message: StoredContent): number {
    const { content } = message;
    if (message.more.length > 0) return message.contentLength;
    if (content.length > largestSmall) {
      if (content.buffer.byteLength > content.length * 2) message.content = ownBuffer(content);
      return content.length;
    }
    let grown = 0;
    if (this.#active.used + content.length > slabBytes) grown = this.#seal();
    const slab = this.#active;
    const end = slab.used + content.length;
    slab.buffer.set(content, slab.used);
    message.content = slab.buffer.subarray(slab.used, end);
    message.slab = slab;
    if (slab.live === 0) grown += slabBytes;
    slab.used = end;
    slab.live += content.length;
    slab.messages.push(message);
    return grown;
  }

  /** Removes the content of a message. Returns the number of freed bytes. */
  release(message: StoredContent): number {
    const { slab, content } = message;
    if (slab === undefined) return message.contentLength;
    message.slab = undefined;
    slab.live -= content.length;
    if (slab.live === 0) {
      slab.messages = [];
      return slabBytes;
    }
    return slab === this.#active ? 0 : -this.#compact(slab);
  }

  #seal(): number {
    const full = this.#active;
    this.#active = newSlab();
    return this.#compact(full);
  }

  /** Copies the messages of a slab to the active one if at most half of the slab is in use. Returns the number of added bytes. */
  #compact(slab: Slab): number {
    if (slab.live === 0 || slab.live > slabBytes / 2) return 0;
    const { messages } = slab;
    slab.messages = [];
    let grown = -slabBytes;
    for (const message of messages) if (message.slab === slab) grown += this.keep(message);
    return grown;
  }
}

function newSlab(): Slab {
  return { buffer: Buffer.allocUnsafeSlow(slabBytes), used: 0, live: 0, messages: [] };
}

function ownBuffer(content: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(content.length);
  copy.set(content);
  return copy;
}
