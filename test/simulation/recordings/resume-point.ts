// Reads the outcomes that `mq replay --json` prints, to check where the next run continues.

interface Outcome {
  readonly number: number;
  readonly outcome: string;
}

export class ResumePoint {
  /** Number of messages that this run left out. */
  readonly start: number;
  readonly #confirmed = new Set<number>();

  constructor(start: number) {
    this.start = start;
  }

  read(line: string): void {
    const { number, outcome } = JSON.parse(line) as Outcome;
    if (outcome === 'confirmed') this.#confirmed.add(number);
  }

  /** Number of messages from the start of the recording that are confirmed without a gap. */
  get reached(): number {
    let reached = this.start;
    while (this.#confirmed.has(reached + 1)) reached += 1;
    return reached;
  }
}
