// The handler `append`: appends each body to a file as one line. It acknowledges a message only after the line is
// written.

import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MqError, systemCode } from '../errors.ts';
import { filePath } from '../session/byte-text.ts';
import type { Handler, HandlerHost, Message, Outcome } from './handler.ts';
import { systemReason } from './reason.ts';

/**
 * Opens the file for appending and creates it if it does not exist. A relative path starts at `cwd`. If the file is
 * moved or removed later, it is created again. If a line cannot be written, the role stops (IO).
 * @throws {MqError} CANNOT_CREATE if the file cannot be opened.
 */
export async function makeAppend(file: string, { cwd }: Pick<HandlerHost, 'cwd'>): Promise<Handler> {
  const path = filePath(resolve(cwd, file));
  const sink = await openSink(path).catch((error: unknown) => {
    const reason = systemCode(error) === 'ENXIO' ? 'no process reads the pipe' : systemReason(error);
    throw new MqError('CANNOT_CREATE', `cannot append to ${file}: ${reason}`, { at: file, cause: error });
  });
  return new Appender(file, path, sink);
}

class Appender implements Handler {
  readonly prints = 'handler';
  readonly #file: string;
  readonly #path: string | Buffer;
  #sink: Sink | undefined;
  /** Appends run one after the other, because a long line may need several writes. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(file: string, path: string | Buffer, sink: Sink) {
    this.#file = file;
    this.#path = path;
    this.#sink = sink;
  }

  handle({ body }: Message): Promise<Outcome> {
    const outcome = this.#last.then(() => this.#append(body));
    this.#last = outcome;
    return outcome;
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#closeSink();
  }

  async #append(body: Buffer): Promise<Outcome> {
    try {
      const sink = await this.#currentSink();
      await writeWhole(sink.handle, Buffer.concat([sink.endsWithNewline ? empty : newline, body, newline]));
      sink.endsWithNewline = true;
      return { type: 'ack' };
    } catch (error) {
      // The next attempt reads the end of the file to learn whether part of this line was written.
      await this.#closeSink().catch(() => {});
      const message = `cannot append to ${this.#file}: ${systemReason(error)}`;
      return { type: 'stop', error: new MqError('IO', message, { at: this.#file, cause: error }) };
    }
  }

  async #currentSink(): Promise<Sink> {
    if (this.#sink && (await isGone(this.#path, this.#sink.stats))) await this.#closeSink();
    this.#sink ??= await openSink(this.#path);
    return this.#sink;
  }

  async #closeSink(): Promise<void> {
    const sink = this.#sink;
    this.#sink = undefined;
    await sink?.handle.close();
  }
}

interface Sink {
  readonly handle: FileHandle;
  readonly stats: Stats;
  /** `false` if the file ends in the middle of a line. A newline must then be written before the next line. */
  endsWithNewline: boolean;
}

const empty = Buffer.alloc(0);
const newline = Buffer.from('\n');

async function openSink(path: string | Buffer): Promise<Sink> {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;
  // With O_NONBLOCK, opening a pipe without a reader fails (ENXIO) instead of blocking. The flag has no effect on
  // regular files.
  const probe = await open(path, flags | constants.O_NONBLOCK, 0o666);
  const stats = await probe.stat();
  if (!stats.isFIFO()) return { handle: probe, stats, endsWithNewline: await endsWithNewline(path, stats) };
  try {
    return { handle: await open(path, flags), stats, endsWithNewline: true };
  } finally {
    await probe.close();
  }
}

/** Reports whether the file ends with a newline. Also returns `true` if the file cannot be read. */
async function endsWithNewline(path: string | Buffer, stats: Stats): Promise<boolean> {
  if (!stats.isFile() || stats.size === 0) return true;
  try {
    await using reader = await open(path, 'r');
    const { buffer, bytesRead } = await reader.read({ buffer: Buffer.alloc(1), position: stats.size - 1 });
    return bytesRead === 0 || buffer.equals(newline);
  } catch {
    return true;
  }
}

/** Reports whether the file was moved or removed (logrotate). Lines written to the old file would be lost. */
async function isGone(path: string | Buffer, { dev, ino }: Stats): Promise<boolean> {
  try {
    const now = await stat(path);
    return now.dev !== dev || now.ino !== ino;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return true;
    throw error;
  }
}

/** Writes all bytes. A single write may write fewer bytes than it was given, without an error. */
async function writeWhole(handle: FileHandle, bytes: Buffer): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    written += (await handle.write(bytes, written)).bytesWritten;
  }
}
