// The simulated world: virtual time, one queue of events, and processes. Between two events all promises and ticks of the
// first one have run, so that the same seed always has the same order of events.

import { AsyncLocalStorage } from 'node:async_hooks';
import { type Random, randomOf } from '../../support/random.ts';
import type { Alarms } from './alarms.ts';
import { type Event, EventQueue } from './event-queue.ts';
import { setImmediate } from './real.ts';
import { Trace } from './trace.ts';

interface Effects {
  /** Effects that have begun. */
  readonly begun: Alarms;
  /** Effects that have ended. */
  readonly ended: Alarms;
}

/** A program that runs in the world. Its events are skipped when it has ended, and wait while it is frozen. */
export interface Owner {
  readonly name: string;
  /** Name of the machine. */
  readonly host: string;
  isAlive: boolean;
  /** Virtual time until which the process does nothing. */
  frozenUntil: number;
  /** Difference between the system clock of the process and the true time, in milliseconds. */
  clockSkewMs: number;
  /** The events that have run in the process. */
  readonly events: Alarms;
  /** The actions of the process outside of itself, such as a write to a socket. */
  readonly effects: Effects;
  /** Called with an error that no code of the process has caught. */
  onStray(error: unknown): void;
}

export interface WorldEvent extends Event {
  /** `undefined` for an event of the world itself, such as a fault. */
  readonly owner: Owner | undefined;
  run: (() => void) | undefined;
  /** The timer that the event belongs to. */
  timer?: { hasRef(): boolean };
}

/** Milliseconds since 1970 at the start of the virtual time. */
const epoch = Date.UTC(2026, 0, 1);
/** Number of events without progress of the time that is an endless loop. */
const mostAtOnce = 100_000;
/** Number of events that are run between two turns of the real event loop. */
const batch = 128;

const current = new AsyncLocalStorage<Owner>();

export class EndlessLoop extends Error {}

export class World {
  /** Virtual time in milliseconds since the start. */
  now = 0;
  /** Number of events that have run. */
  steps = 0;
  /** Random numbers of the network, the disks and the faults. */
  readonly random: Random;
  /** Random numbers of the programs. */
  readonly programRandom: Random;
  readonly trace: Trace;
  /** Duration of each event in milliseconds. */
  eventMs = 0.002;
  readonly #queue = new EventQueue<WorldEvent>();
  #order = 0;
  #owner: Owner | undefined;
  #atOnce = 0;
  #lastAt = -1;

  constructor(seed: number, trace: Trace = new Trace()) {
    this.random = randomOf(seed);
    this.programRandom = randomOf(seed ^ 0x5bd1e995);
    this.trace = trace;
  }

  /** The process whose code is running. */
  get owner(): Owner | undefined {
    return current.getStore();
  }

  /** Milliseconds since 1970 by the clock of the running process. */
  date(): number {
    return epoch + Math.floor(this.now) + (this.owner?.clockSkewMs ?? 0);
  }

  /** Adds an event. `owner` defaults to the running process. */
  after(ms: number, run: () => void, owner: Owner | undefined = this.owner): WorldEvent {
    const event = { at: this.now + ms, order: this.#order++, owner, run };
    if (owner === undefined || !hasEnded(owner)) this.#queue.add(event);
    return event;
  }

  /** Adds an event of the world itself, which no end of a process skips. */
  later(ms: number, run: () => void): void {
    this.#queue.add({ at: this.now + ms, order: this.#order++, owner: undefined, run });
  }

  /** Removes the events of a process that has ended, so that its memory is free. */
  forget(owner: Owner): void {
    this.#queue.remove((event) => event.owner === owner);
  }

  /** Runs code as a process. */
  as<T>(owner: Owner, run: () => T): T {
    return current.run(owner, run);
  }

  /** Calls `run` when a process has run this number of further events, between two of them. */
  afterEvents(owner: Owner, events: number, run: () => void): void {
    owner.events.after(events, run);
  }

  /** Calls `run` before or after an effect of a process, which follows this number of further ones, inside one event. */
  afterEffects(owner: Owner, effects: number, { when, run }: { when: keyof Effects; run: () => void }): void {
    owner.effects[when].after(effects, run);
  }

  /** Carries out an effect of a process, unless the process has ended, or ends before the effect. */
  effect(owner: Owner | undefined, apply: () => void): void {
    if (owner === undefined) return void apply();
    if (hasEnded(owner)) return;
    owner.effects.begun.next();
    if (hasEnded(owner)) return;
    apply();
    owner.effects.ended.next();
  }

  /** Number of events that wait for a process. */
  pendingOf(owner: Owner): number {
    return this.#queue.all().filter((event) => event.owner === owner && event.run !== undefined).length;
  }

  /**
   * Number of timers of a process that keep it alive, as in Node. One that is due at once does not count, because Rascal waits
   * for the shortest time between two addresses (async.retry).
   */
  timersOf(owner: Owner): number {
    const soon = this.now + 1;
    const isOurs = ({ owner: its, run, timer, at }: WorldEvent) => its === owner && run && timer?.hasRef() && at > soon;
    return this.#queue.all().filter(isOurs).length;
  }

  /**
   * Runs events until `isDone`, or until none is left. Rejects with an EndlessLoop if events follow each other without
   * progress of the time, or if there were too many.
   */
  run(isDone: () => boolean, mostSteps = Number.POSITIVE_INFINITY): Promise<void> {
    const end = this.steps + mostSteps;
    return new Promise((resolve, reject) => {
      let isEnded = false;
      const step = () => {
        if (isEnded) return;
        try {
          if (this.steps >= end) throw new EndlessLoop(`no end after ${mostSteps} events`);
          if (isDone() || !this.#step()) {
            isEnded = true;
            resolve();
          }
        } catch (error) {
          isEnded = true;
          reject(error);
        }
      };
      const fill = () => {
        for (let count = 0; count < batch; count++) setImmediate(step);
        setImmediate(() => {
          if (!isEnded) fill();
        });
      };
      current.exit(fill);
    });
  }

  /** Passes an error that no code has caught to the process that has run last. */
  onStray = (error: unknown): void => {
    const owner = this.owner ?? this.#owner;
    if (owner === undefined) throw error;
    owner.onStray(error);
  };

  /** Runs the next event. Returns false if no event is left. */
  #step(): boolean {
    for (;;) {
      const event = this.#queue.take();
      if (event === undefined) return false;
      const { run, owner } = event;
      if (run === undefined || (owner && hasEnded(owner))) continue;
      if (owner !== undefined && owner.frozenUntil > Math.max(this.now, event.at)) {
        event.at = owner.frozenUntil;
        this.#queue.add(event);
        continue;
      }
      this.#advance(event.at);
      owner?.events.next();
      if (owner && hasEnded(owner)) continue;
      event.run = undefined;
      this.#owner = owner;
      if (owner === undefined) run();
      else this.#runAs(owner, run);
      return true;
    }
  }

  #runAs(owner: Owner, run: () => void): void {
    try {
      current.run(owner, run);
    } catch (error) {
      owner.onStray(error);
    }
  }

  #advance(at: number): void {
    this.steps += 1;
    if (at > this.now) this.now = at;
    this.now += this.eventMs;
    // An event that was due long ago means that the time does not keep up, and not that the time stands still.
    if (at > this.#lastAt + 1) {
      this.#lastAt = at;
      this.#atOnce = 0;
    } else if (++this.#atOnce > mostAtOnce) throw new EndlessLoop(`more than ${mostAtOnce} events at ${at} ms`);
  }
}

/** A function, because the compiler assumes that a property keeps its value. */
function hasEnded({ isAlive }: Owner): boolean {
  return !isAlive;
}
