// The handlers without settings: print, work, echo. `append` and `fibonacci` have files of their own.

import { setTimeout as wait } from 'node:timers/promises';
import type { Handler, Reply } from './handler.ts';
import { handBack } from './safely.ts';

/** Does nothing itself: the role prints the body. */
export function makePrint(): Handler {
  return { prints: 'role', handle: async () => ({ type: 'ack' }), close: nothingToFree };
}

/** Answers with the body and its content type, as they came. */
export function makeEcho(): Handler {
  return {
    prints: 'role',
    handle: async ({ body, properties: { contentType } }) => {
      const reply: Reply = contentType === undefined ? { body } : { body, contentType };
      return { type: 'ack', reply };
    },
    close: nothingToFree,
  };
}

/** Waits that many milliseconds; rejects when the signal aborts. */
export type Sleep = (milliseconds: number, value: undefined, options: { signal: AbortSignal }) => Promise<unknown>;

/** Pretends to work: a second per `.` in the body. Given up, it hands the message back. */
export function makeWork(sleep: Sleep = wait): Handler {
  return {
    prints: 'role',
    handle: async ({ body }, { signal }) => {
      try {
        // One by one: the sum may be more than a timer can count.
        for (const byte of body) if (byte === dot) await sleep(1000, undefined, { signal });
        return { type: 'ack' };
      } catch (error) {
        if (signal.aborted) return handBack;
        throw error;
      }
    },
    close: nothingToFree,
  };
}

const dot = '.'.charCodeAt(0);

async function nothingToFree(): Promise<void> {}
