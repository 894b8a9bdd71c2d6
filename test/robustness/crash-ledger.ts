// Records what a crashed broker may hold: every message by queue and number, with the answers that its clients received.

/**
 * `sent`: may exist. `confirmed`: must exist. `acking`: acknowledged, which has no answer, so the message may exist. `gone`:
 * did not exist after a crash, and must not reappear.
 */
type State = 'sent' | 'confirmed' | 'acking' | 'gone';

export class Ledger {
  readonly #states = new Map<string, State>();
  /** Number of answers, for the summary of the test. */
  readonly counts = { sent: 0, confirmed: 0, acked: 0, kept: 0, reappeared: 0 };

  knows(id: string): boolean {
    return this.#states.has(id);
  }

  sent(id: string): void {
    this.#states.set(id, 'sent');
    this.counts.sent++;
  }

  confirmed(id: string): void {
    this.counts.confirmed++;
    if (this.#states.get(id) === 'sent') this.#states.set(id, 'confirmed');
  }

  acking(id: string): void {
    if (!this.#states.has(id)) throw new Error(`delivered, and never sent: ${id}`);
    this.#states.set(id, 'acking');
    this.counts.acked++;
  }

  /** Compares the contents of a restarted broker with the record, and continues from these contents. */
  settle(found: ReadonlyMap<string, number>): void {
    for (const [id, times] of found) {
      const state = this.#states.get(id);
      if (state === undefined) throw new Error(`appeared, and was never sent: ${id}`);
      if (state === 'gone') throw new Error(`reappeared after it was gone: ${id}`);
      if (times !== 1) throw new Error(`is there ${times} times: ${id}`);
      if (state === 'acking') this.counts.reappeared++;
    }
    for (const [id, state] of this.#states) {
      if (state === 'confirmed' && !found.has(id)) throw new Error(`confirmed, and lost: ${id}`);
      // The contents on disk now must be there after the next crash too.
      this.#states.set(id, found.has(id) ? 'confirmed' : 'gone');
    }
    this.counts.kept += found.size;
  }
}
