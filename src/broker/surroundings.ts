// What a queue needs of the broker around it.

import type { Clock } from './clock.ts';
import type { Memory } from './memory.ts';
import type { DeathReason, Message } from './message.ts';
import type { Queue } from './queue.ts';
import type { Store } from './store.ts';

export interface Surroundings {
  readonly clock: Clock;
  readonly memory: Memory;
  readonly store: Store | undefined;
  /** Reports one line to the operator. */
  log(line: string): void;
  /** Sends a message that dies in the queue on to the queue's dead letter exchange. */
  deadLetter(queue: Queue, message: Message, reason: DeathReason): void;
  /** Deletes the queue with its bindings. */
  removeQueue(queue: Queue): void;
}
