// Reads the input of a sending role: the text of the arguments, each line of a stream, or a whole stream. Bytes are not
// decoded.

import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { Context } from '../context.ts';
import { MqError, systemCode } from '../errors.ts';
import { bytesOfText, filePath } from '../session/byte-text.ts';

export type Input =
  | { readonly from: 'text'; readonly text: string }
  /** `path` is '-' for standard input. `delimiter` is the byte after each line, by default a line feed. */
  | { readonly from: 'lines'; readonly path: string; readonly delimiter?: number }
  | { readonly from: 'whole'; readonly path: string }
  /**
   * All of standard input. If it is empty, `otherwise` is sent; if that is undefined, an error with the hint is thrown.
   */
  | { readonly from: 'piped'; readonly otherwise: string | undefined; readonly hint: string };

/** Maximum size of a line or file that becomes one message: RabbitMQ's upper limit for max_message_size. */
export const longestBody = 512 * 1024 * 1024;

/** Yields the bodies in order, in batches. Ends early without an error when `context.drain` aborts. */
export async function* bodies(input: Input, context: Context): AsyncGenerator<Buffer[]> {
  if (input.from === 'text') {
    yield [bytesOfText(input.text)];
    return;
  }
  const path = input.from === 'piped' ? '-' : input.path;
  const stream = open(path, context);
  const stop = () => stream.destroy();
  context.drain.addEventListener('abort', stop, { once: true });
  try {
    if (input.from === 'lines') yield* lines(stream, input);
    else yield [textFor(input, await whole(stream))];
  } catch (error) {
    if (context.drain.aborted) return;
    throw unreadable(path, error);
  } finally {
    context.drain.removeEventListener('abort', stop);
  }
}

function open(path: string, { stdin, cwd }: Context): Readable {
  return path === '-' ? stdin() : createReadStream(filePath(resolve(cwd, path)));
}

/**
 * Yields the lines of a stream in batches, without their delimiter.
 * @param onRest is called before the rest of the data, which has no delimiter at its end
 */
export async function* lines(
  stream: Readable,
  { delimiter = newline, onRest }: { delimiter?: number; onRest?: () => void } = {},
): AsyncGenerator<Buffer[]> {
  let rest: Buffer[] = [];
  let restLength = 0;
  for await (const chunk of stream) {
    const bytes: Buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    const batch: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(delimiter); end !== -1; end = bytes.indexOf(delimiter, start)) {
      const piece = bytes.subarray(start, end);
      batch.push(restLength > 0 ? Buffer.concat([...rest, piece]) : piece);
      if (restLength > 0) [rest, restLength] = [[], 0];
      start = end + 1;
    }
    if (start < bytes.length) {
      rest.push(bytes.subarray(start));
      restLength += bytes.length - start;
      if (restLength > longestBody) throw tooLong('a line');
    }
    if (batch.length > 0) yield batch;
  }
  if (restLength === 0) return;
  onRest?.();
  yield [Buffer.concat(rest)];
}

const newline = 0x0a;

async function whole(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const bytes: Buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    chunks.push(bytes);
    length += bytes.length;
    if (length > longestBody) throw tooLong('the input');
  }
  return Buffer.concat(chunks);
}

function textFor(input: Input, read: Buffer): Buffer {
  if (input.from !== 'piped' || read.length > 0) return read;
  if (input.otherwise !== undefined) return Buffer.from(input.otherwise);
  throw new MqError('USAGE', 'no text was given, and standard input is empty', {
    hint: input.hint,
  });
}

function tooLong(what: string): MqError {
  return new MqError('BAD_DATA', `${what} is over ${longestBody} bytes`, {
    hint: 'RabbitMQ does not accept a larger message',
  });
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a directory',
};

/** Returns the error for input that cannot be read. */
export function unreadable(path: string, error: unknown): MqError {
  if (error instanceof MqError) return error;
  const known = reasons[systemCode(error) ?? ''];
  const why = known ?? (error instanceof Error ? error.message : String(error));
  const what = path === '-' ? 'standard input' : path;
  return new MqError(known === undefined ? 'IO' : 'NO_INPUT', `cannot read ${what}: ${why}`, { cause: error });
}
