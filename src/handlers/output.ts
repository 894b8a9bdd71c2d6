// Collects a child's stdout: prints it line by line, or keeps it as a reply. Both use a bounded amount of memory.

import type { Output } from '../context.ts';
import { escapedLines, MqError } from '../errors.ts';
import type { Outcome } from './handler.ts';
import { systemReason } from './reason.ts';

export interface StdoutSink {
  /** Receives a chunk. If it returns a promise, the next chunk must wait until it settles. It never rejects. */
  take(chunk: Buffer): Promise<void> | undefined;
  /** Ends the output after the last chunk. */
  end(): Promise<void>;
  /** Outcome of the message if the output could not be accepted. */
  readonly failure: Outcome | undefined;
  /** The reply, if the sink collects one. */
  readonly reply: Buffer | undefined;
}

/** Prints a child's output by line while it runs. An incomplete line is printed at the end, or in parts of 1 MiB. */
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

/** Collects the output as a reply. If it exceeds 16 MiB, the message is dead-lettered. */
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
 * Writes the output of a program. On a terminal it escapes control characters, because the output may contain an
 * untrusted message. Waits until the stream has accepted the bytes, so that a slow reader slows the child down. Returns
 * the error, if there is one.
 */
export function write(output: Output, bytes: Buffer): Promise<Error | undefined> {
  return new Promise((resolve) => {
    const shown = output.isTTY ? Buffer.from(escapedLines(bytes.toString())) : bytes;
    output.write(shown, (error) => resolve(error ?? undefined));
  });
}
