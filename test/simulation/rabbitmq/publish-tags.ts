// The publishes of one channel: the tags that the client counts, the tags that the core counts, and their confirms.

/** An ack or a nack for the client. */
export interface Confirm {
  readonly tag: number;
  readonly isAck: boolean;
}

export interface ConfirmFrame extends Confirm {
  readonly multiple: boolean;
}

export class PublishTags {
  isConfirming = false;
  /** Number of publishes of the client. */
  #published = 0;
  /** Number of publishes that were passed on to the core. */
  #passed = 0;
  /** Tag of the core → tag of the client, for publishes without a confirm of the core. */
  readonly #atCore = new Map<number, number>();
  /** Tags of the client without a confirm. They are in ascending order. */
  readonly #unconfirmed = new Set<number>();

  /** Returns the tag of a publish of the client. */
  publish(): number {
    const tag = ++this.#published;
    if (this.isConfirming) this.#unconfirmed.add(tag);
    return tag;
  }

  /** Records that a publish is passed on to the core. */
  pass(tag: number): void {
    if (this.isConfirming) this.#atCore.set(++this.#passed, tag);
  }

  /** Returns the tags of the client that a confirm of the core covers. */
  confirmed(coreTag: number, multiple: boolean): number[] {
    const covered = multiple ? [...this.#atCore.keys()].filter((tag) => coreTag === 0 || tag <= coreTag) : [coreTag];
    return covered.flatMap((tag) => {
      const own = this.#atCore.get(tag);
      this.#atCore.delete(tag);
      return own === undefined ? [] : [own];
    });
  }

  /** Returns the fewest frames that confirm these publishes, in this order. Ignores publishes that are confirmed. */
  frames(confirms: readonly Confirm[]): ConfirmFrame[] {
    const due = confirms.filter(({ tag }) => this.#unconfirmed.has(tag));
    const acked = new Set(due.filter(({ isAck }) => isAck).map(({ tag }) => tag));
    let last = 0;
    for (const tag of this.#unconfirmed) {
      if (!acked.has(tag)) break;
      last = tag;
    }
    for (const { tag } of due) this.#unconfirmed.delete(tag);
    const single = due.filter(({ tag }) => tag > last).map((confirm) => ({ ...confirm, multiple: false }));
    const covered = acked.size > 0 ? [...acked].filter((tag) => tag <= last).length : 0;
    return last === 0 ? single : [{ tag: last, isAck: true, multiple: covered > 1 }, ...single];
  }
}
