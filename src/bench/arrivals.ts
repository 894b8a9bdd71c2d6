// Remembers which messages of one producer have arrived: one bit for each message, in parts that are dropped when they are
// complete. Memory therefore depends on the messages that are missing, and it has a limit.

/** Messages in a part. A part needs 8 KiB. */
const partMessages = 65_536;
/** Maximum number of incomplete parts: 32 MiB. The oldest one is then closed, and its missing messages are lost. */
const mostParts = 4096;

interface Part {
  readonly bits: Uint8Array;
  count: number;
}

export class Arrivals {
  readonly #parts = new Map<number, Part>();
  readonly #closed = new Set<number>();
  readonly #mostParts: number;
  /** Number of different messages that have arrived. */
  unique = 0;
  duplicates = 0;

  /** @param limit maximum number of incomplete parts */
  constructor(limit = mostParts) {
    this.#mostParts = limit;
  }

  /** Counts the arrival of a message. Returns `false` if it has arrived before. */
  add(number: number): boolean {
    const index = Math.floor(number / partMessages);
    const part = this.#parts.get(index) ?? this.#open(index);
    const at = number % partMessages;
    const mask = 1 << (at & 7);
    const byte = part?.bits[at >> 3] ?? 0xff;
    if (part === undefined || (byte & mask) !== 0) {
      this.duplicates += 1;
      return false;
    }
    part.bits[at >> 3] = byte | mask;
    part.count += 1;
    this.unique += 1;
    if (part.count === partMessages) this.#close(index);
    return true;
  }

  /** Reports whether a message has arrived. A message of a closed part counts as arrived. */
  has(number: number): boolean {
    const index = Math.floor(number / partMessages);
    if (this.#closed.has(index)) return true;
    const at = number % partMessages;
    return ((this.#parts.get(index)?.bits[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }

  /** Returns `undefined` for a part that is closed. */
  #open(index: number): Part | undefined {
    if (this.#closed.has(index)) return undefined;
    const part = { bits: new Uint8Array(partMessages / 8), count: 0 };
    this.#parts.set(index, part);
    const [oldest] = this.#parts.keys();
    if (this.#parts.size > this.#mostParts && oldest !== undefined) this.#close(oldest);
    return part;
  }

  #close(index: number): void {
    this.#parts.delete(index);
    this.#closed.add(index);
  }
}
