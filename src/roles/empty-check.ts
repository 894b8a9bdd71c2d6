// Checks for --until-empty whether the queues of a role have no more messages.

/** The messages of one subscription. */
export interface Progress {
  /** Messages in a handler. */
  readonly running: number;
  /** Messages that were delivered and are not in a handler. */
  readonly waiting: number;
  /** True if it has no message, neither in a handler nor waiting for one. */
  readonly isAtRest: boolean;
  /** Returns how many messages wait at the broker; undefined: not known now. */
  ready(): Promise<number | undefined>;
}

export interface EmptyCheckParts {
  readonly members: readonly Progress[];
  readonly isStopping: () => boolean;
  /** Called when the queues are empty and every message has been handled. */
  readonly onEnd: () => void;
  /** Called when the queues are empty and the handler has the last messages. */
  readonly onLast: () => void;
}

/** Milliseconds from a message to the check whether it was the last. */
const soonMs = 20;
/** Milliseconds between two checks while messages are on their way here, or the connection is away. */
const againMs = 50;

export class EmptyCheck {
  readonly #parts: EmptyCheckParts;
  #arrived = 0;
  #isAsking = false;
  #isEmpty = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: EmptyCheckParts) {
    this.#parts = parts;
  }

  /** True if the queues had no message when they were asked, and none has arrived since. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  arrived(): void {
    this.#arrived += 1;
    this.#isEmpty = false;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  /** Asks the queues once for all messages that arrive within a moment. */
  askSoon(): void {
    const { members, isStopping } = this.#parts;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const hasAll = members.every(({ waiting }) => waiting === 0) && members.some(({ running }) => running > 0);
      if (hasAll && !isStopping()) void this.ask();
    }, soonMs);
  }

  /** Asks the queues; where every message has been handled, until they are empty. */
  async ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const [arrived, wasAtRest] = [this.#arrived, this.#isAtRest];
    const { members, isStopping, onEnd, onLast } = this.#parts;
    const ready = await Promise.all(members.map((member) => member.ready()));
    this.#isAsking = false;
    if (isStopping()) return;
    // A message that came meanwhile may have led to another one in a queue that had answered before.
    this.#isEmpty = arrived === this.#arrived && ready.every((count) => count === 0);
    if (!this.#isAtRest) {
      if (this.#isEmpty) onLast();
    } else if (this.#isEmpty && wasAtRest) onEnd();
    else setTimeout(() => this.#askAgain(), againMs);
  }

  #askAgain(): void {
    if (!this.#parts.isStopping() && this.#isAtRest) void this.ask();
  }

  get #isAtRest(): boolean {
    return this.#parts.members.every(({ isAtRest }) => isAtRest);
  }
}
