// What a fault is, and what it may lay hands on.

import type { Random } from '../robustness/random.ts';
import type { Place } from './place.ts';
import type { Receivers } from './receivers.ts';
import type { Sender } from './sender.ts';

export interface Stage {
  readonly place: Place;
  readonly sender: Sender;
  readonly receivers: Receivers;
  readonly random: Random;
  readonly isLong: boolean;
}

/** A fault that is there now. */
export interface Injected {
  /** No message could be handled until `undo`: the recovery is counted from its end, else it is the longest silence of a receiver. */
  readonly isOutage?: true;
  /** How long it stays before `undo`. */
  readonly holdMs: number;
  undo(): Promise<unknown>;
}

export interface Fault {
  readonly name: string;
  readonly on: 'cluster' | 'embedded' | 'both';
  /** 'quorum' where nothing is said. */
  readonly queueType?: 'classic';
  readonly queueArguments?: Readonly<Record<string, unknown>>;
  /** One receiver, prefetch 1: then order is promised. */
  readonly ordered?: true;
  /** A command for each message, which takes a while: some are always running. */
  readonly exec?: true;
  /** Messages have to be refused, else the fault did nothing. */
  readonly refuses?: true;
  /** Of this machine: it changes what its network does. */
  readonly needsRoot?: true;
  /** For the recovery. */
  readonly targetMs: number;
  /** How often in one trial. */
  readonly times: { readonly short: number; readonly long: number };
  inject(stage: Stage): Promise<Injected>;
}

/** H of the figures: what a heartbeat is. */
const heartbeatMs = 10_000;
export const visibleMs = 0.5 * heartbeatMs;
export const silentMs = 3.5 * heartbeatMs;
export const afterOutageMs = 1.5 * heartbeatMs;
