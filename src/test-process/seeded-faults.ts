// The faults of `mq test --chaos`. A decision depends only on the seed, the kind of fault, and the number of the message in
// its queue or of the action on its connection. It never depends on time.

import type { ChaosKind, ChaosPlan } from '../harness/target.ts';

/** Chance of a fault. Each kind has another one in three consecutive seeds. */
const chances = [1, 1 / 2, 1 / 4];
/** Order in which the kinds take their chances. Seed 1 delivers every message twice. */
const order: readonly ChaosKind[] = ['redelivery', 'reordering', 'slow confirms', 'reconnect'];
/** A client loses its connection at most this many times in a test, so that a test with many messages ends. */
const mostReconnects = 2;
const longestConfirmMs = 100;
const mostSuccessors = 3;

export class SeededFaults {
  /** Number of faults so far. */
  caused = 0;
  /** Number of times that a fault was possible, so that another seed could have caused it. */
  chances = 0;
  #isOn = false;
  readonly #seed: number;
  readonly #kinds: readonly ChaosKind[];
  readonly #reconnects = new Map<string, number>();
  readonly #counts = new Map<string, number>();

  constructor({ seed, kinds }: ChaosPlan) {
    this.#seed = seed;
    this.#kinds = kinds;
  }

  /** Starts a new test, whose faults do not depend on the tests before it. */
  begin(): void {
    this.#isOn = true;
    this.caused = 0;
    this.chances = 0;
    this.#reconnects.clear();
    this.#counts.clear();
  }

  /** Causes no more faults until the next test. */
  stop(): void {
    this.#isOn = false;
  }

  /** Returns the next number of a series that starts at 1 in each test. */
  next(series: string): number {
    const number = (this.#counts.get(series) ?? 0) + 1;
    this.#counts.set(series, number);
    return number;
  }

  /** Returns `true` if the acknowledgement of a message is lost. */
  losesAck(queue: string, number: number): boolean {
    return this.#happens('redelivery', queue, number);
  }

  /** Returns the number of later messages that overtake a message. 0 keeps the order. */
  successors(queue: string, number: number): number {
    if (!this.#happens('reordering', queue, number)) return 0;
    return 1 + Math.floor(this.#roll('successors', queue, number) * mostSuccessors);
  }

  /** Returns the milliseconds by which a confirm is late. */
  confirmDelayMs(client: string, number: number): number {
    if (!this.#happens('slow confirms', client, number)) return 0;
    return 1 + Math.floor(this.#roll('delay', client, number) * longestConfirmMs);
  }

  /** Returns `true` if a client loses its connection after an action. */
  disconnects(client: string, number: number): boolean {
    const before = this.#reconnects.get(client) ?? 0;
    if (before >= mostReconnects || !this.#happens('reconnect', client, number)) return false;
    this.#reconnects.set(client, before + 1);
    return true;
  }

  #happens(kind: ChaosKind, series: string, number: number): boolean {
    if (!this.#isOn || !this.#kinds.includes(kind)) return false;
    this.chances++;
    const chance = chances[(this.#seed - 1 + order.indexOf(kind)) % chances.length] ?? 1;
    if (this.#roll(kind, series, number) >= chance) return false;
    this.caused++;
    return true;
  }

  /** Returns a number from 0 up to 1 that depends only on the seed and the arguments. */
  #roll(what: string, series: string, number: number): number {
    // FNV-1a, followed by the finalizer of MurmurHash3, because FNV-1a alone changes few bits for consecutive numbers.
    let hash = 0x811c9dc5;
    for (const char of `${this.#seed} ${what} ${series} ${number}`) {
      hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
  }
}
