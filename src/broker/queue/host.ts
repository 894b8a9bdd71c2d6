// What a queue needs of the broker around it.

import type { Clock } from '../clock.ts';
import type { MessageCounters } from '../counters.ts';
import type { Slices } from '../slices.ts';
import type { DeathReason, Store } from '../store/contract.ts';
import type { Memory } from './memory.ts';
import type { Message } from './message.ts';

/** Reports what becomes of a dead letter, instead of an exception if it cannot be routed. */
export interface Receipt<Q> {
  /** The queues that have taken the message; they do not get it again. */
  readonly takenBy: Set<Q>;
  /** Called with true once there is a route and every queue on it has taken the message, else with false. */
  done(isTaken: boolean): void;
}

export interface QueueHost<Q> {
  /** Of the virtual host. */
  readonly counters: MessageCounters;
  readonly clock: Clock;
  readonly memory: Memory;
  readonly slices: Slices;
  readonly store: Store | undefined;
  /** Reports one line to the operator. */
  log(line: string): void;
  /** Sends a message that dies in the queue to the queue's dead letter exchange. */
  deadLetter(queue: Q, message: Message, reason: DeathReason, receipt?: Receipt<Q>): void;
  /** Deletes the queue with its bindings. */
  removeQueue(queue: Q): void;
}
