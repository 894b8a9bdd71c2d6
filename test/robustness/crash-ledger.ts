// What a crashed broker may hold: every message by queue and number, and what its publisher and its consumer were told of it.

/**
 * sent: may be there or not · confirmed: has to be there · acking: acknowledged, to which there is no answer: may be there
 * or not · gone: was not there after a crash, and never comes back.
 */
type State = 'sent' | 'confirmed' | 'acking' | 'gone';

export class Ledger {
  readonly #states = new Map<string, State>();
  /** Answers so far, for the closing words of the test. */
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

  /** Holds what a broker that came back has against what it was told, and goes on from there. */
  settle(found: ReadonlyMap<string, number>): void {
    for (const [id, times] of found) {
      const state = this.#states.get(id);
      if (state === undefined) throw new Error(`appeared, and was never sent: ${id}`);
      if (state === 'gone') throw new Error(`came back, and was gone for good: ${id}`);
      if (times !== 1) throw new Error(`is there ${times} times: ${id}`);
      if (state === 'acking') this.counts.reappeared++;
    }
    for (const [id, state] of this.#states) {
      if (state === 'confirmed' && !found.has(id)) throw new Error(`confirmed, and lost: ${id}`);
      // What the disk has said now it says the next time as well.
      this.#states.set(id, found.has(id) ? 'confirmed' : 'gone');
    }
    this.counts.kept += found.size;
  }
}
