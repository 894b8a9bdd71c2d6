// Records each message in each queue with its last known state, to check the contents of a broker after a crash.

/**
 * - `sent`: the message may exist.
 * - `confirmed`: the message must exist.
 * - `acking`: the message may exist, because the broker does not confirm an acknowledgement.
 * - `gone`: the message did not exist after a crash, and must not reappear.
 */
type State = 'sent' | 'confirmed' | 'acking' | 'gone';

export class Ledger {
  readonly #states = new Map<string, State>();
  /** Number of events, for the summary of the test. */
  readonly counts = { sent: 0, confirmed: 0, acked: 0, kept: 0, reappeared: 0 };

  has(id: string): boolean {
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
    if (!this.#states.has(id)) throw new Error(`delivered, but never sent: ${id}`);
    this.#states.set(id, 'acking');
    this.counts.acked++;
  }

  /** Compares the contents of a restarted broker with the record. The contents then become the new record. */
  settle(found: ReadonlyMap<string, number>): void {
    for (const [id, times] of found) {
      const state = this.#states.get(id);
      if (state === undefined) throw new Error(`found, but never sent: ${id}`);
      if (state === 'gone') throw new Error(`reappeared after it was gone: ${id}`);
      if (times !== 1) throw new Error(`found ${times} times: ${id}`);
      if (state === 'acking') this.counts.reappeared++;
    }
    for (const [id, state] of this.#states) {
      if (state === 'confirmed' && !found.has(id)) throw new Error(`confirmed, but lost: ${id}`);
      // The contents that are on disk now must also exist after the next crash.
      this.#states.set(id, found.has(id) ? 'confirmed' : 'gone');
    }
    this.counts.kept += found.size;
  }
}
