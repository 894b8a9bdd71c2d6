// Prints the results of a role on stdout. A message may be acknowledged when the promise of its output has resolved.

import type { Output } from '../context.ts';
import { escapedLines, MqError, safeJson, systemCode } from '../errors.ts';
import { time } from '../time.ts';

export class Printer {
  readonly #stdout: Output;
  readonly #delimiter: number;
  /** Output of this event-loop turn, which is written at once. The delimiter follows each element. */
  #gathered: Uint8Array[] = [];
  #written: Promise<void> | undefined;

  /** @param delimiter byte after each output, by default a line feed */
  constructor(stdout: Output, delimiter = newline) {
    this.#stdout = stdout;
    this.#delimiter = delimiter;
  }

  /**
   * Prints the bytes and a newline, escaped on a terminal. Rejects with IO; `isClosedPipe` recognises a closed pipe.
   */
  body(body: Buffer): Promise<void> {
    const shown = this.#stdout.isTTY ? Buffer.from(escapedLines(body.toString())) : body;
    return this.#write(shown);
  }

  /**
   * Prints lines of mq itself and a newline. They are escaped on a terminal, because they may contain untrusted names.
   */
  text(lines: string): Promise<void> {
    return this.body(Buffer.from(lines));
  }

  json(value: object): Promise<void> {
    const text = this.#stdout.isTTY ? safeJson(value) : JSON.stringify(value);
    return this.#write(Buffer.from(text));
  }

  #write(bytes: Buffer): Promise<void> {
    this.#gathered.push(bytes);
    this.#written ??= new Promise((resolve, reject) => {
      time.nextTurn(() => {
        const all = withDelimiters(this.#gathered, this.#delimiter);
        this.#gathered = [];
        this.#written = undefined;
        this.#stdout.write(all, (error) => (error ? reject(unwritable(error)) : resolve()));
      });
    });
    return this.#written;
  }
}

/** Returns `true` if the reader of stdout closed the pipe, which is not an error (`mq receive-logs | head -1`). */
export function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && isBrokenPipe(error.cause);
}

/** Returns `true` for an error of a stream whose reader has closed the pipe. */
export function isBrokenPipe(error: unknown): boolean {
  return ['EPIPE', 'ERR_STREAM_DESTROYED'].includes(systemCode(error) ?? '');
}

function withDelimiters(lines: readonly Uint8Array[], delimiter: number): Buffer {
  let length = lines.length;
  for (const line of lines) length += line.length;
  const all = Buffer.allocUnsafe(length);
  let end = 0;
  for (const line of lines) {
    all.set(line, end);
    end += line.length;
    all[end] = delimiter;
    end += 1;
  }
  return all;
}

const newline = 0x0a;

function unwritable(cause: Error): MqError {
  return new MqError('IO', `cannot write to stdout: ${cause.message}`, { cause });
}
