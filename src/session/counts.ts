// What one run did, counted where it happens: plain numbers, so that counting costs nothing. Metrics, health and the
// summary at the end read them.

export interface Counts {
  /** Deliveries that came. */
  received: number;
  /** Handlers that have ended, however. */
  handled: number;
  /** Done, and acknowledged. */
  acked: number;
  /** Sent to a wait queue, confirmed. */
  retried: number;
  /** Sent to a dead-letter queue, confirmed. */
  deadLettered: number;
  /** Rejected or nacked without requeue: the broker drops or dead-letters them. */
  rejected: number;
  /** Given back to the broker for whoever takes them next. */
  handedBack: number;
  /** Answers to deliveries whose channel had gone; they were not sent. */
  stale: number;

  /** Messages given to a publisher; each is at last confirmed, refused or in doubt. */
  attempted: number;
  confirmed: number;
  refused: number;
  inDoubt: number;

  /** Connections: that this run wants, that it has, that the broker blocks; how many were lost, and came back. */
  connections: number;
  connected: number;
  blocked: number;
  lost: number;
  reconnected: number;
  /** Consumers that the broker has accepted and not taken away. */
  consumers: number;
  /** Consumers that the role needs, to be ready; a sender needs none. */
  neededConsumers: number;
  /** Channels that messages can be published on. */
  publishers: number;
  /** Messages in a handler now. */
  inFlight: number;

  /** How long handlers took. */
  readonly handlerSeconds: Histogram;
  /** Of an input of lines: so many from its start are all confirmed. */
  resume: number | undefined;
}

export interface Histogram {
  /** Upper bounds, in order. */
  readonly bounds: readonly number[];
  /** How many values are at most the bound of the same index, and over the one before; the last: over all bounds. */
  readonly counts: number[];
  sum: number;
}

export function newCounts(): Counts {
  const bounds = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
  return {
    received: 0,
    handled: 0,
    acked: 0,
    retried: 0,
    deadLettered: 0,
    rejected: 0,
    handedBack: 0,
    stale: 0,
    attempted: 0,
    confirmed: 0,
    refused: 0,
    inDoubt: 0,
    connections: 0,
    connected: 0,
    blocked: 0,
    lost: 0,
    reconnected: 0,
    consumers: 0,
    neededConsumers: 0,
    publishers: 0,
    inFlight: 0,
    handlerSeconds: { bounds, counts: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0 },
    resume: undefined,
  };
}

export function observe(histogram: Histogram, value: number): void {
  const { bounds, counts } = histogram;
  let at = 0;
  while (value > (bounds[at] ?? Number.POSITIVE_INFINITY)) at += 1;
  counts[at] = (counts[at] ?? 0) + 1;
  histogram.sum += value;
}

/** Of the lines of an input, how many from the start are all confirmed, whatever the order of the outcomes is. */
export class ResumePoint {
  #lines: number;
  #broken = Number.POSITIVE_INFINITY;
  /** Confirmed before a line that stands before them; never more than the publisher's window. */
  readonly #ahead = new Set<number>();

  /** `skipped`: lines that an earlier run has confirmed. */
  constructor(skipped: number) {
    this.#lines = skipped;
  }

  get lines(): number {
    return this.#lines;
  }

  /** The line of that number, from 1, has its outcome. */
  count(line: number, isConfirmed: boolean): void {
    if (!isConfirmed) this.#broken = Math.min(this.#broken, line);
    if (line >= this.#broken) return;
    this.#ahead.add(line);
    while (this.#ahead.delete(this.#lines + 1)) this.#lines += 1;
  }
}
