// Counts the events of one run. The counters are plain numbers, so that counting is cheap. Metrics, health checks and
// the final summary read them.

export interface Counts {
  /** Received deliveries. */
  received: number;
  /** Handlers that ended, with any outcome. */
  handled: number;
  /** Messages that were handled and acknowledged. */
  acked: number;
  /** Messages sent to a wait queue and confirmed. */
  retried: number;
  /** Messages sent to a dead-letter queue and confirmed. */
  deadLettered: number;
  /** Messages rejected or nacked without requeue. The broker drops or dead-letters them. */
  rejected: number;
  /** Messages returned to the broker for the next consumer. */
  handedBack: number;
  /** Answers that were not sent because the channel of the delivery was closed. */
  stale: number;

  /** Messages passed to a publisher. Each is eventually confirmed, refused or in doubt. */
  attempted: number;
  confirmed: number;
  refused: number;
  inDoubt: number;

  /** Connections: required, open, blocked by the broker, and how many were lost and restored. */
  connections: number;
  connected: number;
  blocked: number;
  lost: number;
  reconnected: number;
  /** Consumers that the broker has accepted and not cancelled. */
  consumers: number;
  /** Consumers that a role needs to be ready. 0 for a sending role. */
  neededConsumers: number;
  /** Channels that messages can be published on. */
  publishers: number;
  /** Messages in handlers now. */
  inFlight: number;

  /** Duration of the handlers. */
  readonly handlerSeconds: Histogram;
  /** Number of input lines from the start that are all confirmed. */
  resume: number | undefined;
}

export interface Histogram {
  /** Upper bounds in ascending order. */
  readonly bounds: readonly number[];
  /** Number of values between this bound and the previous one. The last element counts values above all bounds. */
  readonly counts: number[];
  sum: number;
}

/** Returns counters at zero. */
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

/** Adds a value to a histogram. */
export function observe(histogram: Histogram, value: number): void {
  const { bounds, counts } = histogram;
  let at = 0;
  while (value > (bounds[at] ?? Number.POSITIVE_INFINITY)) at += 1;
  counts[at] = (counts[at] ?? 0) + 1;
  histogram.sum += value;
}

/** Computes how many input lines from the start are all confirmed, in whatever order the outcomes arrive. */
export class ResumePoint {
  #lines: number;
  #broken = Number.POSITIVE_INFINITY;
  /** Confirmed lines that follow an unconfirmed one. There are never more than the publisher's window. */
  readonly #ahead = new Set<number>();

  /** `skipped` is the number of lines that an earlier run has confirmed. */
  constructor(skipped: number) {
    this.#lines = skipped;
  }

  get lines(): number {
    return this.#lines;
  }

  /** Records the outcome of a line. Line numbers start at 1. */
  count(line: number, isConfirmed: boolean): void {
    if (!isConfirmed) this.#broken = Math.min(this.#broken, line);
    if (line >= this.#broken) return;
    if (line !== this.#lines + 1) {
      this.#ahead.add(line);
      return;
    }
    this.#lines = line;
    while (this.#ahead.size > 0 && this.#ahead.delete(this.#lines + 1)) this.#lines += 1;
  }
}
