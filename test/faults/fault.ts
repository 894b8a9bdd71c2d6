// Defines the type of a fault, and the parts of a trial that a fault can change.

import type { Random } from '../support/random.ts';
import type { Receivers } from './receivers.ts';
import type { Sender } from './sender.ts';
import type { TrialBroker } from './trial-broker.ts';

export interface FaultContext {
  readonly broker: TrialBroker;
  readonly sender: Sender;
  readonly receivers: Receivers;
  readonly random: Random;
  readonly isLong: boolean;
}

/** An active fault. */
export interface Injected {
  /**
   * True if no message can be handled until `undo`. The recovery time is then measured from `undo`. Without an outage, it is
   * the longest time in which a receiver handled nothing.
   */
  readonly isOutage?: true;
  /** Milliseconds between the injection and `undo`. */
  readonly holdMs: number;
  undo(): Promise<unknown>;
}

export interface Fault {
  readonly name: string;
  readonly on: 'cluster' | 'embedded' | 'both';
  /** Defaults to `quorum`. */
  readonly queueType?: 'classic';
  readonly queueArguments?: Readonly<Record<string, unknown>>;
  /** The trial has one receiver with prefetch 1, so that the order is guaranteed. */
  readonly ordered?: true;
  /** The receivers run a slow command for each message, so that some commands are always running. */
  readonly exec?: true;
  /** The fault must cause refused messages. Without them, the trial fails, because the fault had no effect. */
  readonly refuses?: true;
  /** Requires root and iptables, because the fault changes the network of this machine. */
  readonly needsRoot?: true;
  /** Maximum recovery time in milliseconds. */
  readonly targetMs: number;
  /** Number of injections in one trial. */
  readonly times: { readonly short: number; readonly long: number };
  inject(context: FaultContext): Promise<Injected>;
}

const heartbeatMs = 10_000;
/** Maximum recovery times: if the client sees the fault at once, if it must detect a silent peer, and after an outage. */
export const visibleMs = 0.5 * heartbeatMs;
export const silentMs = 3.5 * heartbeatMs;
export const afterOutageMs = 1.5 * heartbeatMs;
