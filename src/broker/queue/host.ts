// The interface that a queue needs of its virtual host.

import type { Clock } from '../clock.ts';
import type { MessageCounters } from '../counters.ts';
import type { Slices } from '../slices.ts';
import type { DeathReason, Store } from '../store/contract.ts';
import type { Memory } from './memory.ts';
import type { Message } from './message.ts';

/** Receives the result of sending a dead letter. With a receipt, a routing error is logged and not thrown. */
export interface Receipt<Q> {
  /** The queues that have accepted the dead letter. The next attempt skips them. */
  readonly acceptedBy: Set<Q>;
  /** Called after each attempt. `isAccepted` is true if there is a route and all its queues have accepted the dead letter. */
  done(isAccepted: boolean): void;
}

export interface QueueHost<Q> {
  /** The counters of the virtual host. */
  readonly counters: MessageCounters;
  readonly clock: Clock;
  readonly memory: Memory;
  readonly slices: Slices;
  readonly store: Store | undefined;
  log(line: string): void;
  /** Sends a message to the dead letter exchange of the queue. */
  deadLetter(queue: Q, message: Message, reason: DeathReason, receipt?: Receipt<Q>): void;
  /** Deletes the queue and its bindings. */
  removeQueue(queue: Q): void;
}
