// What is to be done once more at the end of this turn of the event loop, for all who have asked for it.

export interface Flushable {
  flush(): void;
}

export class Turn {
  #waiting: Flushable[] = [];
  #immediate: NodeJS.Immediate | undefined;

  /** `flush` is called after everything that can be read now has been read. */
  add(flushable: Flushable): void {
    this.#waiting.push(flushable);
    this.#immediate ??= setImmediate(() => this.#end());
  }

  #end(): void {
    this.#immediate = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const flushable of waiting) flushable.flush();
  }
}
