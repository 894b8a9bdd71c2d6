// Decides what becomes of a message whose handler did not succeed. Pure: `failures.ts` carries the decision out.

import type { FailurePolicy } from '../config/config.ts';

/** How a handler can fail: it failed, it asked for the dead letters, it asked for the message to go back. */
export type Failure = 'retry' | 'dead-letter' | 'requeue';

export interface Circumstances {
  readonly onFail: FailurePolicy;
  /** The number of the attempt that failed. */
  readonly attempt: number;
  /** The most attempts of a message under `retry`. */
  readonly attempts: number;
  /** The most times a message may go back to its queue; undefined: no limit. */
  readonly returnLimit: number | undefined;
  /** False only where the user wrote `"deadLetter": false` or `"retry": false`. */
  readonly hasDeadLetters: boolean;
}

export interface Decision {
  /**
   * - `retry`: to the wait queue of the next delay.
   * - `back`: to the wait queue of three seconds, which leads back to the queue.
   * - `dead-letter`: to the dead letters.
   * - `reject`: basic.reject without requeue. The dead-letter exchange of the queue receives it, if there is one.
   * - `drop`: acknowledged.
   */
  readonly action: 'retry' | 'back' | 'dead-letter' | 'reject' | 'drop';
  /** The role ends after it. */
  readonly isEnd: boolean;
}

export function decide(failure: Failure, circumstances: Circumstances): Decision {
  const { onFail, attempt, attempts, returnLimit, hasDeadLetters } = circumstances;
  const dead = hasDeadLetters ? 'dead-letter' : 'reject';
  // RabbitMQ: a quorum queue drops a message that comes back more often than its limit. Without dead letters the message
  // goes on coming back: mq publishes it again, so the broker does not count.
  const isSpent = hasDeadLetters && returnLimit !== undefined && attempt > returnLimit;
  switch (failure === 'retry' ? onFail : failure) {
    case 'retry':
      return { action: attempt < attempts ? 'retry' : dead, isEnd: false };
    case 'dead-letter':
      return { action: dead, isEnd: false };
    case 'requeue':
      return { action: isSpent ? 'dead-letter' : 'back', isEnd: false };
    case 'exit':
      return { action: isSpent ? 'dead-letter' : 'back', isEnd: true };
    case 'drop':
      return { action: 'drop', isEnd: false };
  }
}
