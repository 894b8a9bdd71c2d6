// Defines a fault, and the parts of a trial that it may change.

import type { Random } from '../support/random.ts';
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

/** An active fault. */
export interface Injected {
  /**
   * True if no message can be handled until `undo`. The recovery then starts at `undo`; otherwise it is the longest pause of a
   * receiver.
   */
  readonly isOutage?: true;
  /** Milliseconds before `undo`. */
  readonly holdMs: number;
  undo(): Promise<unknown>;
}

export interface Fault {
  readonly name: string;
  readonly on: 'cluster' | 'embedded' | 'both';
  /** Default `quorum`. */
  readonly queueType?: 'classic';
  readonly queueArguments?: Readonly<Record<string, unknown>>;
  /** One receiver with prefetch 1, so that the order is guaranteed. */
  readonly ordered?: true;
  /** The handler is a slow command for each message, so that some commands are always running. */
  readonly exec?: true;
  /** The fault must cause refused messages; without them it had no effect. */
  readonly refuses?: true;
  /** Requires root and iptables, because the fault changes the network of this machine. */
  readonly needsRoot?: true;
  /** Maximum recovery time in milliseconds. */
  readonly targetMs: number;
  /** Number of injections in one trial. */
  readonly times: { readonly short: number; readonly long: number };
  inject(stage: Stage): Promise<Injected>;
}

/** H in the figures: the heartbeat interval in milliseconds. */
const heartbeatMs = 10_000;
export const visibleMs = 0.5 * heartbeatMs;
export const silentMs = 3.5 * heartbeatMs;
export const afterOutageMs = 1.5 * heartbeatMs;
