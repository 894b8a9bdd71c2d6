// The handler `fibonacci`: replies to a decimal whole number with the exact Fibonacci number of that index.

import { turn } from '../time.ts';
import type { Handler, Outcome } from './handler.ts';

/**
 * Largest accepted index. Measured (Node 24, 2 cores): 0.08 s to calculate and 0.29 s to format 1,044,938 digits;
 * 10,000,000 needs 1.1 s. The calculation blocks the event loop, and heartbeats (every 10 s) must continue even on a
 * machine that is several times slower.
 */
export const largestIndex = 5_000_000;

/**
 * Returns a handler that replies with text/plain. If the body is not a whole number from 0 to `largestIndex`, it
 * acknowledges the message and replies with an error.
 */
export function makeFibonacci(): Handler {
  // Each event-loop turn runs one calculation, even if many messages arrive together.
  let previous = Promise.resolve();
  return {
    prints: 'role',
    handle: async ({ body }) => {
      previous = previous.then(turn);
      await previous;
      return answer(body);
    },
    close: async () => {},
  };
}

function answer(body: Buffer): Outcome {
  const text = body.length > longestBody ? undefined : body.toString('utf8').trim();
  if (text === undefined || !/^[0-9]+$/.test(text)) {
    const shown = JSON.stringify(text ?? `${body.toString('latin1', 0, 20)}…`);
    return refusal(`fibonacci: ${shown} is not a whole number of 0 or more`);
  }
  const index = Number(text);
  if (index > largestIndex) return refusal(`fibonacci: ${text} is more than ${largestIndex}, the largest index`);
  return { type: 'ack', reply: { body: Buffer.from(fibonacci(index).toString()), contentType: 'text/plain' } };
}

/** Maximum length of a body in bytes. An index has at most 7 digits, so the rest is room for white space. */
const longestBody = 100;

function refusal(error: string): Outcome {
  return { type: 'ack', reply: { body: Buffer.from(error), contentType: 'text/plain', error } };
}

/**
 * Calculates a Fibonacci number by fast doubling: F(2k) = F(k)·(2·F(k+1) − F(k)), F(2k+1) = F(k)² + F(k+1)², from the
 * highest bit of the index down.
 */
export function fibonacci(index: number): bigint {
  let here = 0n;
  let next = 1n;
  for (let bit = 31 - Math.clz32(index); bit >= 0; bit--) {
    const even = here * (2n * next - here);
    const odd = here * here + next * next;
    [here, next] = (index >>> bit) & 1 ? [odd, even + odd] : [even, odd];
  }
  return here;
}
