// Checks for --until-empty whether the queues of a role are empty.

import { type Timer, time } from '../../time.ts';

/** Counts the messages of one subscription. */
export interface Progress {
  /** Number of messages in handlers. */
  readonly running: number;
  /** Number of delivered messages that are not in a handler. */
  readonly waiting: number;
  /** `true` if no message is in a handler or waiting for one. */
  readonly isAtRest: boolean;
  /** Returns the number of ready messages on the broker. `undefined` if it is not known now. */
  ready(): Promise<number | undefined>;
}

interface EmptyCheckParts {
  readonly members: readonly Progress[];
  readonly isStopping: () => boolean;
  /** Called when the queues are empty and every message has been handled. */
  readonly onEnd: () => void;
  /** Called when the queues are empty and the handler has the last messages. */
  readonly onLast: () => void;
}

/** Milliseconds between a message and the check whether it was the last one. */
const soonMs = 20;
/** Milliseconds between two checks while messages are in transit or the connection is lost. */
const againMs = 50;

export class EmptyCheck {
  readonly #parts: EmptyCheckParts;
  #arrived = 0;
  #isAsking = false;
  #isEmpty = false;
  #timer: Timer | undefined;
  #againTimer: Timer | undefined;

  constructor(parts: EmptyCheckParts) {
    this.#parts = parts;
  }

  /** `true` if the queues were empty at the last check and no message has arrived since. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  arrived(): void {
    this.#arrived += 1;
    this.#isEmpty = false;
  }

  close(): void {
    this.#timer?.cancel();
    this.#againTimer?.cancel();
  }

  /** Checks the queues once for all messages that arrive within a short time. */
  askSoon(): void {
    const { members, isStopping } = this.#parts;
    this.#timer ??= time.after(soonMs, () => {
      this.#timer = undefined;
      const hasAll = members.every(({ waiting }) => waiting === 0) && members.some(({ running }) => running > 0);
      if (hasAll && !isStopping()) void this.ask();
    });
  }

  /** Checks the queues. After every message has been handled, it repeats the check until the queues are empty. */
  async ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const [arrived, wasAtRest] = [this.#arrived, this.#isAtRest];
    const { members, isStopping, onEnd, onLast } = this.#parts;
    const ready = await Promise.all(members.map((member) => member.ready()));
    this.#isAsking = false;
    if (isStopping()) return;
    // A message that arrived during the check may have caused another one in a queue that was already checked.
    this.#isEmpty = arrived === this.#arrived && ready.every((count) => count === 0);
    if (!this.#isAtRest) {
      if (this.#isEmpty) onLast();
    } else if (this.#isEmpty && wasAtRest) onEnd();
    else this.#askLater();
  }

  #askLater(): void {
    this.#againTimer?.cancel();
    this.#againTimer = time.after(againMs, () => {
      if (!this.#parts.isStopping() && this.#isAtRest) void this.ask();
    });
  }

  get #isAtRest(): boolean {
    return this.#parts.members.every(({ isAtRest }) => isAtRest);
  }
}
