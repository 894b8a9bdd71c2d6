// Reads a recording and checks its first line, its last line and its hash.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { objectOf } from '../../config/plain.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { filePath } from '../../session/byte-text.ts';
import { lines, unreadable } from '../input.ts';
import { decompressed } from './compression.ts';
import { messageOfLine, type RecordedMessage } from './line.ts';
import { formatVersion } from './writer.ts';

interface Source extends Pick<Context, 'cwd' | 'stdin'> {
  /** '-' is standard input. */
  readonly path: string;
}

interface LastLine {
  readonly count: number;
  readonly sha256: string;
}

export class RecordingReader {
  readonly #source: Source;
  /** Number of messages that were read. */
  count = 0;
  /** The reason why the recording is incomplete or changed. It is known when all messages are read. */
  problem: string | undefined;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Yields the lines of the messages in order, in batches. Throws BAD_DATA or NO_INPUT. Ends when `signal` aborts. */
  async *batches(signal: AbortSignal): AsyncGenerator<readonly Buffer[]> {
    const { path, cwd, stdin } = this.#source;
    const file = path === '-' ? stdin() : createReadStream(filePath(resolve(cwd, path)));
    const stream = decompressed(path, file);
    const stop = () => stream.destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      yield* this.#messages(stream);
    } catch (error) {
      if (signal.aborted) return;
      if (isUncompressed(error))
        throw new MqError('BAD_DATA', `${path} is not compressed, but its name ends as if it were`, { cause: error });
      if (!isCut(error)) throw unreadable(path, error);
      this.problem = this.#cut();
    } finally {
      signal.removeEventListener('abort', stop);
      stream.destroy();
    }
  }

  /** Yields the messages in order, in batches. */
  async *messages(signal: AbortSignal): AsyncGenerator<readonly RecordedMessage[]> {
    for await (const batch of this.batches(signal)) {
      let number = this.count - batch.length;
      yield batch.map((line) => {
        number += 1;
        return this.#parsed(line, number);
      });
    }
  }

  async *#messages(stream: Readable): AsyncGenerator<readonly Buffer[]> {
    const hash = createHash('sha256');
    let isStarted = false;
    let last: LastLine | undefined;
    let isRest = false;
    const onRest = () => {
      isRest = true;
    };
    for await (const batch of lines(stream, { onRest })) {
      const found: Buffer[] = [];
      for (const line of batch) {
        if (last) this.problem = 'it has lines after its last line';
        else {
          last = isStarted ? lastLineOf(line) : undefined;
          // A line without a newline was cut off, unless it is the last one.
          if (last || (isRest && isStarted)) continue;
          hash.update(line).update('\n');
          if (isStarted) found.push(line);
          else refuseOther(line, this.#source.path);
          isStarted = true;
        }
      }
      this.count += found.length;
      if (found.length > 0) yield found;
    }
    if (!isStarted) throw new MqError('BAD_DATA', `${nameOf(this.#source.path)} is empty`, { hint });
    this.problem ??= this.#difference(last, hash.digest('hex'));
  }

  #difference(last: LastLine | undefined, sha256: string): string | undefined {
    if (!last) return this.#cut();
    if (last.count !== this.count) return `its last line counts ${last.count} messages, but it has ${this.count}`;
    return last.sha256 === sha256 ? undefined : 'its hash differs, so it was changed after the recording';
  }

  #cut(): string {
    return `it has no last line, so it was cut off after ${this.count} messages`;
  }

  #parsed(line: Buffer, number: number): RecordedMessage {
    try {
      return messageOfLine(line.toString());
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      const place = `message ${number} (line ${number + 1}) of ${nameOf(this.#source.path)}`;
      throw new MqError('BAD_DATA', `${place}: ${error.message}`, { cause: error });
    }
  }
}

function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path;
}

/** Returns the likely cause if this is the first line of something else, otherwise ''. */
function causeIn(line: Buffer): string {
  if (line.subarray(0, 2).toString('hex') === '1f8b')
    return ': it is compressed (gzip), but its name does not end with .gz';
  if (line.subarray(0, 4).toString('hex') === '28b52ffd')
    return ': it is compressed (zstd), but its name does not end with .zst';
  return line.toString().trim() === '{' ? ': each message must be one line (jq -c)' : '';
}

const hint = 'mq record writes recordings';

function lastLineOf(line: Buffer): LastLine | undefined {
  if (!line.subarray(0, 7).equals(endStart)) return undefined;
  try {
    const { count, sha256 } = objectOf(JSON.parse(line.toString()));
    return { count: Number(count), sha256: String(sha256) };
  } catch {
    return undefined;
  }
}

const endStart = Buffer.from('{"end":');

/** Throws if the first line is not that of a recording that this version can read. */
function refuseOther(line: Buffer, path: string): void {
  let first: { readonly mq?: unknown; readonly version?: unknown } = {};
  try {
    first = JSON.parse(line.toString());
  } catch {
    // The error below reports it.
  }
  if (first?.mq !== 'recording')
    throw new MqError('BAD_DATA', `${nameOf(path)} is not a recording of mq${causeIn(line)}`, { hint });
  if (first.version !== formatVersion)
    throw new MqError(
      'BAD_DATA',
      `${nameOf(path)} has version ${first.version} of the format; this mq reads ${formatVersion}`,
      {
        hint: 'use the version of mq that recorded it, or a later one',
      },
    );
}

/** Reports whether the data does not begin as compressed data. */
function isUncompressed(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && ['Z_DATA_ERROR', 'ZSTD_error_prefix_unknown'].includes(`${error.code}`)
  );
}

/** Reports whether the compressed data ended too early. */
function isCut(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'Z_BUF_ERROR';
}
