// Holds the messages that one test received from one source. After the test the remaining messages are dropped if the
// vhost belongs to the file; otherwise they return to their queue.

import { compare } from 'uvu/diff';
import { describe, type Matcher, matches, seen, wanted } from './matcher.ts';
import type { FileTarget, ReceivedMessage, Source } from './target.ts';

interface Letter {
  readonly message: ReceivedMessage;
  readonly answer: { ack(): void; putBack(): void };
}

export interface Mailbox {
  /**
   * Returns and acknowledges the first matching message, received or still to come. Returns within `withinMs` or
   * throws.
   */
  expect(matcher: Matcher | undefined, withinMs: number): Promise<ReceivedMessage>;
  /** Drops the received messages that were not returned. */
  clear(): Promise<void>;
  /** Stops receiving. With `keeps`, the remaining messages return to the queue. */
  close(options: { readonly keeps: boolean }): Promise<void>;
}

/** Starts receiving. `way` describes the route of the messages, for the error about a missing message. */
export async function openMailbox(
  target: FileTarget,
  { source, keys, way }: { source: Source; keys?: readonly string[]; way: () => Promise<readonly string[]> },
): Promise<Mailbox> {
  const letters: Letter[] = [];
  const waiting = new Set<() => void>();
  const consumer = await target.listen(source, {
    ...(keys && { keys }),
    onMessage: (message, answer) => {
      letters.push({ message, answer });
      for (const look of waiting) look();
    },
  });
  const take = (matcher: Matcher | undefined): ReceivedMessage | undefined => {
    const at = letters.findIndex(({ message }) => matches(message, matcher));
    const [letter] = at === -1 ? [] : letters.splice(at, 1);
    letter?.answer.ack();
    return letter?.message;
  };
  return {
    expect: async (matcher, withinMs) => {
      const { promise, resolve, reject } = Promise.withResolvers<ReceivedMessage | undefined>();
      const look = () => {
        try {
          const message = take(matcher);
          if (message === undefined) return;
          // The entry is removed at once, because several messages may arrive before the promise is handled and only
          // one may be returned.
          waiting.delete(look);
          resolve(message);
        } catch (error) {
          reject(error);
        }
      };
      waiting.add(look);
      const timer = setTimeout(() => {
        waiting.delete(look);
        resolve(undefined);
      }, withinMs);
      try {
        look();
        const message = await promise;
        if (message !== undefined) return message;
      } finally {
        clearTimeout(timer);
        waiting.delete(look);
      }
      throw missing(
        letters.map(({ message }) => message),
        { source, matcher, withinMs, way: await way() },
      );
    },
    clear: async () => {
      await consumer.settled();
      for (const { answer } of letters.splice(0)) answer.ack();
    },
    close: async ({ keeps }) => {
      // The order matters: messages that are put back before the consumer stops would be delivered again.
      await consumer.stop();
      for (const { answer } of letters.splice(0)) answer[keeps ? 'putBack' : 'ack']();
      await consumer.close();
    },
  };
}

function missing(
  came: readonly ReceivedMessage[],
  {
    source,
    matcher,
    withinMs,
    way,
  }: { source: Source; matcher: Matcher | undefined; withinMs: number; way: readonly string[] },
): Error {
  const instead =
    came.length === 0
      ? ['no message came']
      : [
          `instead came ${came.length === 1 ? 'one' : came.length}:`,
          ...came.slice(0, 5).map((one) => `  ${describe(one)}`),
        ];
  const newest = came.at(-1);
  const isComparable = newest !== undefined && matcher !== undefined && typeof matcher !== 'function';
  const details = isComparable ? { details: compare(seen(newest, matcher), shown(wanted(matcher))) } : {};
  const place = typeof source === 'string' ? `subscription "${source}"` : `queue "${source.queue}"`;
  const title = `the message did not come to the ${place} within ${withinMs} ms`;
  return Object.assign(new Error([title, ...instead, ...way].join('\n')), details);
}

function shown(value: unknown): unknown {
  return value instanceof RegExp ? String(value) : value;
}
