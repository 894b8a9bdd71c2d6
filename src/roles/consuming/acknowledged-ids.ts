// Remembers the message-ids that this process has acknowledged. If a classic queue delivers such a message again, the
// acknowledgement was lost, and no worker has crashed with the message.

import type { Message } from '../../handlers/handler.ts';

/** Number of ids in one of the two sets. */
const mostIds = 5_000;

export class AcknowledgedIds {
  // Two sets are faster than one whose oldest id is deleted for each new one.
  #newer = new Set<string>();
  #older = new Set<string>();

  add(id: string): void {
    if (this.#newer.size >= mostIds) {
      this.#older = this.#newer;
      this.#newer = new Set();
    }
    this.#newer.add(id);
  }

  has({ properties: { messageId: id } }: Message): boolean {
    return id !== undefined && (this.#newer.has(id) || this.#older.has(id));
  }
}
