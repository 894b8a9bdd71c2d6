// Tracks which messages of a stream are handled. RabbitMQ: an answer to a delivery of a stream only requests more messages, so the
// client must know its position.

export class StreamPosition {
  /** Offsets that were delivered and are not handled, in ascending order. */
  readonly #open = new Set<number>();
  /** Highest offset that was delivered or that was handled in an earlier run. */
  #last: number | undefined;

  /** @param handled last offset that was handled in an earlier run */
  constructor(handled?: number) {
    this.#last = handled;
  }

  /** Highest delivered offset. */
  get last(): number | undefined {
    return this.#last;
  }

  /** Offset up to which all delivered messages are handled. */
  get handled(): number | undefined {
    const next = this.resumeAt;
    return next === undefined || next === 0 ? undefined : next - 1;
  }

  /** Offset at which a consumer must start to receive all messages that are not handled. */
  get resumeAt(): number | undefined {
    for (const oldest of this.#open) return oldest;
    return this.#last === undefined ? undefined : this.#last + 1;
  }

  /** Registers a delivery. Returns `false` if the message was handled before and is only delivered again. */
  deliver(offset: number): boolean {
    if (this.#last !== undefined && offset <= this.#last) return this.#open.has(offset);
    this.#last = offset;
    this.#open.add(offset);
    return true;
  }

  /** Records that a message is handled. */
  settle(offset: number): void {
    this.#open.delete(offset);
  }
}
