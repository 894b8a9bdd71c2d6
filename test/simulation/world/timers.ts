// Timers of the world, with the interface of Node's timers.

import type { World, WorldEvent } from './world.ts';

/** A timer or an immediate. Packages call these methods of Node's Timeout and Immediate. */
export class SimulatedTimer {
  readonly #world: World;
  readonly #run: () => void;
  readonly #ms: number;
  readonly #repeats: boolean;
  #event: WorldEvent | undefined;
  #isRef = true;

  constructor(world: World, run: () => void, ms: number, repeats = false) {
    this.#world = world;
    this.#run = run;
    this.#ms = ms;
    this.#repeats = repeats;
    this.#start();
  }

  ref(): this {
    this.#isRef = true;
    return this;
  }

  unref(): this {
    this.#isRef = false;
    return this;
  }

  hasRef(): boolean {
    return this.#isRef;
  }

  refresh(): this {
    this.cancel();
    this.#start();
    return this;
  }

  close(): this {
    this.cancel();
    return this;
  }

  cancel(): void {
    if (this.#event) this.#event.run = undefined;
    this.#event = undefined;
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  #start(): void {
    this.#event = this.#world.after(this.#ms, () => {
      this.#event = undefined;
      if (this.#repeats) this.#start();
      this.#run();
    });
    // An immediate runs in this turn of the event loop, so it does not keep the process alive.
    if (this.#ms > 0) this.#event.timer = this;
  }
}

/** Returns the delay that Node uses (timers.js: less than 1 and more than 2^31 - 1 become 1). */
export function delayOf(ms: unknown): number {
  const delay = Number(ms);
  return delay >= 1 && delay <= 2 ** 31 - 1 ? Math.trunc(delay) : 1;
}
