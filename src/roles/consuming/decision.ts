// Decides how to settle a message whose handler did not succeed. This is a pure function; `failures.ts` carries the
// decision out.

import type { FailurePolicy } from '../../config/role.ts';

/** Kind of failure: the handler failed, it requested dead-lettering, or it requested a requeue. */
export type Failure = 'retry' | 'dead-letter' | 'requeue';

interface Circumstances {
  readonly onFail: FailurePolicy;
  /** Number of the attempt that failed. */
  readonly attempt: number;
  /** Maximum number of attempts of a message under `retry`. */
  readonly attempts: number;
  /** Maximum number of returns of a message to its queue. `undefined` means no limit. */
  readonly returnLimit: number | undefined;
  /** `false` only if the user wrote `"deadLetter": false` or `"retry": false`. */
  readonly hasDeadLetters: boolean;
}

export interface Decision {
  /**
   * Action that settles the message:
   * - `retry`: sent to the wait queue of the next delay.
   * - `back`: sent to the wait queue of three seconds, which returns it to the queue.
   * - `dead-letter`: sent to the dead-letter target.
   * - `reject`: basic.reject without requeue. The queue's dead-letter exchange receives it, if there is one.
   * - `drop`: acknowledged.
   */
  readonly action: 'retry' | 'back' | 'dead-letter' | 'reject' | 'drop';
  /** `true` if the role ends afterwards. */
  readonly isEnd: boolean;
}

export function decide(failure: Failure, circumstances: Circumstances): Decision {
  const { onFail, attempt, attempts, returnLimit, hasDeadLetters } = circumstances;
  const dead = hasDeadLetters ? 'dead-letter' : 'reject';
  // RabbitMQ: a quorum queue drops a message after more returns than its limit. Without dead letters, mq continues to
  // return the message. It publishes the message again, so the broker does not count these returns.
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
