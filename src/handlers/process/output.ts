// Prints a child's stdout line by line, or collects it as a reply. Both use a bounded amount of memory.

import { StringDecoder } from 'node:string_decoder';
import type { Output } from '../../context.ts';
import { escapedLines, MqError } from '../../errors.ts';
import type { Outcome } from '../handler.ts';
import { systemReason } from '../reason.ts';

export interface StdoutSink {
  /** Receives a chunk. If it returns a promise, the next chunk must wait for the promise, which never rejects. */
  receive(chunk: Buffer): Promise<void> | undefined;
  /** Ends the output after the last chunk. */
  end(): Promise<void>;
  /** Outcome of the message if the output could not be written or is too large. */
  readonly failure: Outcome | undefined;
  /** The reply, if the sink collects one. */
  readonly reply?: Buffer;
}

/** An incomplete line of this many bytes is printed without waiting for its end. */
const longestPart = 1024 * 1024;
const newline = 10;

/** Prints whole lines while the child runs. It prints a line over 1 MiB in parts, and an incomplete line at the end. */
export class LineOutput implements StdoutSink {
  failure: Outcome | undefined;
  readonly #output: Output;
  #pieces: PieceWriter | undefined;
  #held: Buffer[] = [];
  #size = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  receive(chunk: Buffer): Promise<void> | undefined {
    this.#held.push(chunk);
    this.#size += chunk.length;
    const hasLine = chunk.includes(newline);
    if (!hasLine && this.#size < longestPart) return undefined;
    const all = Buffer.concat(this.#held);
    const cut = hasLine ? all.lastIndexOf(newline) + 1 : all.length;
    this.#held = [all.subarray(cut)];
    this.#size = all.length - cut;
    return this.#show(all.subarray(0, cut));
  }

  async end(): Promise<void> {
    if (this.#size > 0) await this.#show(Buffer.concat(this.#held));
    if (this.#pieces && this.failure === undefined) this.#check(await this.#pieces.end(this.#output));
  }

  async #show(piece: Buffer): Promise<void> {
    if (this.failure !== undefined) return;
    this.#pieces ??= new PieceWriter();
    this.#check(await this.#pieces.write(this.#output, piece));
  }

  #check(error: Error | undefined): void {
    if (error === undefined) return;
    const message = `cannot write the output of the handler: ${systemReason(error)}`;
    this.failure = { type: 'stop', error: new MqError('IO', message, { cause: error }) };
  }
}

/** Maximum size of a reply in bytes. */
const largestReply = 16 * 1024 * 1024;
export const replyTooLarge: Outcome = { type: 'dead-letter', reason: 'the reply is larger than 16 MiB' };

/** Collects the output as a reply. If it exceeds 16 MiB, the message is dead-lettered. */
export class ReplyOutput implements StdoutSink {
  #held: Buffer[] = [];
  #size = 0;

  receive(chunk: Buffer): Promise<void> | undefined {
    this.#size += chunk.length;
    if (isTooLarge(this.#size)) this.#held = [];
    else this.#held.push(chunk);
    // The promise makes the caller check `failure`.
    return isTooLarge(this.#size) ? Promise.resolve() : undefined;
  }

  async end(): Promise<void> {}

  get failure(): Outcome | undefined {
    return isTooLarge(this.#size) ? replyTooLarge : undefined;
  }

  get reply(): Buffer {
    return Buffer.concat(this.#held);
  }
}

export function isTooLarge(replyBytes: number): boolean {
  return replyBytes > largestReply;
}

/**
 * Writes text of a program. On a terminal it escapes control characters, because the text may contain an untrusted
 * message. Waits until the stream has accepted the bytes, so that a slow reader slows the child down. Returns the
 * error, if there is one.
 */
export function write(output: Output, bytes: Buffer): Promise<Error | undefined> {
  return writeShown(output, output.isTTY ? Buffer.from(escapedLines(bytes.toString())) : bytes);
}

/** Writes the output of a program in pieces. On a terminal, it writes a character only when it has all its bytes. */
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

/** Prints the stderr of a child. The message's own stream is opened at the first output, because it is expensive. */
export class ErrorOutput {
  readonly #open: () => Output | undefined;
  readonly #shared: Output;
  #output: { readonly stream: Output; readonly pieces: PieceWriter } | undefined;

  /** `open` returns the message's own stream, if it has one. `shared` is used otherwise, and stays open. */
  constructor(open: () => Output | undefined, shared: Output) {
    this.#open = open;
    this.#shared = shared;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#output ??= { stream: this.#open() ?? this.#shared, pieces: new PieceWriter() };
    await this.#output.pieces.write(this.#output.stream, chunk);
  }

  async end(): Promise<void> {
    if (this.#output === undefined) return;
    const { stream, pieces } = this.#output;
    await pieces.end(stream);
    if (stream !== this.#shared) stream.end();
  }
}

function writeShown(output: Output, bytes: Buffer): Promise<Error | undefined> {
  return new Promise((resolve) => {
    output.write(bytes, (error) => resolve(error ?? undefined));
  });
}
