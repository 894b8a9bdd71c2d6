// Where a child's stdout goes: to the user, whole lines at a time, or into a reply. Both hold a bounded amount.

import type { Output } from '../context.ts';
import { escapedLines, MqError } from '../errors.ts';
import type { Outcome } from './handler.ts';
import { systemReason } from './reason.ts';

export interface StdoutSink {
  /** Takes a piece; a promise means: no more until it settles. It never rejects. */
  take(chunk: Buffer): Promise<void> | undefined;
  /** After the last piece. */
  end(): Promise<void>;
  /** Set when the output could not be taken: the outcome of the message then. */
  readonly failure: Outcome | undefined;
  /** The reply, of a sink that makes one. */
  readonly reply: Buffer | undefined;
}

/** Shows a child's output line by line while it runs. A line without an end is shown when the child ends, or in parts of 1 MiB. */
export function lineOutput(output: Output): StdoutSink {
  let held: Buffer[] = [];
  let size = 0;
  let failure: Outcome | undefined;

  async function show(bytes: Buffer): Promise<void> {
    if (failure !== undefined || bytes.length === 0) return;
    const error = await write(output, bytes);
    if (error === undefined) return;
    const message = `cannot write what the handler printed: ${systemReason(error)}`;
    failure = { type: 'stop', error: new MqError('IO', message, { cause: error }) };
  }

  return {
    take(chunk) {
      held.push(chunk);
      size += chunk.length;
      const hasLine = chunk.includes(10);
      if (!hasLine && size < mostHeld) return undefined;
      const all = Buffer.concat(held);
      const cut = hasLine ? all.lastIndexOf(10) + 1 : all.length;
      held = [all.subarray(cut)];
      size = all.length - cut;
      return show(all.subarray(0, cut));
    },
    end: () => show(Buffer.concat(held)),
    get failure() {
      return failure;
    },
    reply: undefined,
  };
}

const mostHeld = 1024 * 1024;

/** Keeps the output as the reply; more than 16 MiB is none (the message is dead-lettered). */
export function replyOutput(): StdoutSink {
  let held: Buffer[] = [];
  let size = 0;
  return {
    take(chunk) {
      size += chunk.length;
      if (size <= mostReply) held.push(chunk);
      else held = [];
      return size > mostReply ? Promise.resolve() : undefined;
    },
    end: async () => {},
    get failure() {
      return size > mostReply ? tooLong : undefined;
    },
    get reply() {
      return Buffer.concat(held);
    },
  };
}

const mostReply = 16 * 1024 * 1024;
const tooLong: Outcome = { type: 'dead-letter', reason: 'a reply of more than 16 MiB' };

/**
 * Writes what a program has printed. On a terminal control characters are escaped, because it may be a stranger's message.
 * Waits until the stream has taken the bytes: what the reader does not take yet stays with the child. Returns the error, if
 * there is one.
 */
export function write(output: Output, bytes: Buffer): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const shown = output.isTTY ? Buffer.from(escapedLines(bytes.toString())) : bytes;
    output.write(shown, (error) => resolve(error ?? undefined));
  });
}
