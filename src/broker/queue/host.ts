// What a queue needs of the broker around it.

import type { Clock } from '../clock.ts';
import type { MessageCounters } from '../counters.ts';
import type { Slices } from '../slices.ts';
import type { Store } from '../store.ts';
import type { Memory } from './memory.ts';
import type { DeathReason, Message } from './message.ts';
import type { Queue } from './queue.ts';

/** Reports what becomes of a dead letter, instead of an exception if it cannot be routed. */
export interface Receipt {
  /** The queues that have taken the message; they do not get it again. */
  readonly takenBy: Set<Queue>;
  /** Called with true once there is a route and every queue on it has taken the message, else with false. */
  done(isTaken: boolean): void;
}

export interface Surroundings {
  /** Of the virtual host. */
  readonly counters: MessageCounters;
  readonly clock: Clock;
  readonly memory: Memory;
  readonly slices: Slices;
  readonly store: Store | undefined;
  /** Reports one line to the operator. */
  log(line: string): void;
  /** Sends a message that dies in the queue to the queue's dead letter exchange. */
  deadLetter(queue: Queue, message: Message, reason: DeathReason, receipt?: Receipt): void;
  /** Deletes the queue with its bindings. */
  removeQueue(queue: Queue): void;
}
