// Collects a child's stdout: prints it line by line, or keeps it as a reply. Both use a bounded amount of memory.

import { StringDecoder } from 'node:string_decoder';
import type { Output } from '../../context.ts';
import { escapedLines, MqError } from '../../errors.ts';
import type { Outcome } from '../handler.ts';
import { systemReason } from '../reason.ts';

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
  const pieces = new PieceWriter();

  async function show(writing: () => Promise<Error | undefined>): Promise<void> {
    if (failure !== undefined) return;
    const error = await writing();
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
      return show(() => pieces.write(output, all.subarray(0, cut)));
    },
    end: async () => {
      if (size > 0) await show(() => pieces.write(output, Buffer.concat(held)));
      await show(() => pieces.end(output));
    },
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
 * Writes text of a program. On a terminal it escapes control characters, because the text may contain an untrusted
 * message. Waits until the stream has accepted the bytes, so that a slow reader slows the child down. Returns the
 * error, if there is one.
 */
export function write(output: Output, bytes: Buffer): Promise<Error | undefined> {
  return writeShown(output, output.isTTY ? Buffer.from(escapedLines(bytes.toString())) : bytes);
}

/** Writes the output of a program in pieces. A terminal gets a character whole, even if two pieces share its bytes. */
export class PieceWriter {
  readonly #decoder = new StringDecoder('utf8');

  /** Writes as `write` does. The end of an incomplete character follows with the next piece. */
  write(output: Output, piece: Buffer): Promise<Error | undefined> {
    return output.isTTY ? write(output, Buffer.from(this.#decoder.write(piece))) : writeShown(output, piece);
  }

  /** Writes the incomplete character at the end of the output, if there is one. */
  async end(output: Output): Promise<Error | undefined> {
    const rest = this.#decoder.end();
    return rest === '' ? undefined : write(output, Buffer.from(rest));
  }
}

function writeShown(output: Output, bytes: Buffer): Promise<Error | undefined> {
  return new Promise((resolve) => {
    output.write(bytes, (error) => resolve(error ?? undefined));
  });
}
