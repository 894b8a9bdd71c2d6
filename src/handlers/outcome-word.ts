// Maps the words of a module or an --exec-lines program to outcomes, except `ack`.

import type { Outcome } from './handler.ts';
import { thrownReason } from './reason.ts';
import { stoppedError } from './safely.ts';

const words = ['retry', 'dead-letter', 'requeue', 'reject', 'nack', 'stop'] as const;
type OutcomeWord = (typeof words)[number];

export function isOutcomeWord(word: unknown): word is OutcomeWord {
  return words.some((known) => known === word);
}

/** Returns the outcome. The older `reject` and `nack` mean `requeue` if `requeue` is true, otherwise `dead-letter`. */
export function outcomeOfWord(
  word: OutcomeWord,
  { reason: given, requeue }: { reason?: unknown; requeue?: unknown },
): Outcome {
  const reason = typeof given === 'string' ? thrownReason(given) : 'requested by the handler';
  switch (word) {
    case 'reject':
    case 'nack':
      return { type: requeue === true ? 'requeue' : 'dead-letter', reason };
    case 'stop':
      return { type: 'stop', error: stoppedError(reason) };
    default:
      return { type: word, reason };
  }
}
