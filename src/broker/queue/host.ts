// The interface that a queue needs of its virtual host.

import type { Clock } from '../clock.ts';
import type { MessageCounters } from '../counters.ts';
import type { Slices } from '../slices.ts';
import type { DeathReason, Store } from '../store/contract.ts';
import type { Memory } from './memory.ts';
import type { Message } from './message.ts';

/** Reports the result of a dead letter. With a receipt, a letter that cannot be routed does not cause an exception. */
export interface Receipt<Q> {
  /** The queues that have accepted the letter. It is not sent to them again. */
  readonly acceptedBy: Set<Q>;
  /** Called with true when there is a route and every queue on it has accepted the letter, otherwise with false. */
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
