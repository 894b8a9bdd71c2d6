// The built-in handlers without settings: print, work, echo. `append` and `fibonacci` have their own files.

import { isUtf8 } from 'node:buffer';
import { pause } from '../time.ts';
import type { Handler, Reply } from './handler.ts';
import { ack, handBack } from './safely.ts';

/** Returns a handler that only acknowledges, because the role prints the body. */
export function makePrint(): Handler {
  return { prints: 'role', handle: () => ack, close: nothingToFree };
}

/** Returns a handler that replies with the unchanged body and its content type. */
export function makeEcho(): Handler {
  return {
    prints: 'role',
    handle: ({ body, properties: { contentType } }) => {
      const reply: Reply = contentType === undefined ? { body } : { body, contentType };
      return { type: 'ack', reply };
    },
    close: nothingToFree,
  };
}

/**
 * Returns a handler that simulates work: it sleeps one second for each `.` in the text of the body, and not at all if
 * the body is not UTF-8, such as a photo. When aborted, it hands the message back.
 */
export function makeWork(): Handler {
  return {
    prints: 'role',
    handle: async ({ body }, { signal }) => {
      if (!isUtf8(body)) return { type: 'ack' };
      for (const byte of body) {
        // Each dot has its own timer, because the sum may exceed the longest timer.
        if (byte === dot) await pause(1000, { signal });
        if (signal.aborted) return handBack;
      }
      return { type: 'ack' };
    },
    close: nothingToFree,
  };
}

const dot = '.'.charCodeAt(0);

async function nothingToFree(): Promise<void> {}
