// Writes a recording: a line about the recording, one line for each message, and a last line with the count and the
// hash of all lines before it. A recording without its last line was cut off.

import { createHash } from 'node:crypto';
import { constants, promises } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Output } from '../../context.ts';
import { MqError, systemCode, systemReason } from '../../errors.ts';
import { filePath } from '../../session/byte-text.ts';
import { isBrokenPipe } from '../../terminal/printer.ts';
import { time } from '../../time.ts';
import { Compressor } from './compression.ts';
import { lineOfMessage, type RecordedMessage } from './line.ts';

/** Version of the format, in the first line. */
export const formatVersion = 1;

/** A file or stdout. */
interface Target {
  write(bytes: Buffer): Promise<void>;
  /** Resolves when everything written is on disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

interface Place {
  /** '-' is stdout. */
  readonly path: string;
  readonly cwd: string;
  readonly stdout: Output;
  /** Description of what is recorded. */
  readonly source: string;
}

export class RecordingWriter {
  readonly #target: Target;
  readonly #compressor: Compressor;
  readonly #hash = createHash('sha256');
  #lines: string[];
  #first: number | undefined;
  #last = 0;
  count = 0;
  /** Length of the lines that are not written yet, in UTF-16 code units. */
  pending = 0;

  private constructor(target: Target, path: string, source: string) {
    this.#target = target;
    this.#compressor = new Compressor(path);
    const started = new Date(time.date()).toISOString();
    this.#lines = [JSON.stringify({ mq: 'recording', version: formatVersion, started, source })];
  }

  /** Creates the file. Throws CANNOT_CREATE, also if the file exists, because it may have the only copy of messages. */
  static async create({ path, cwd, stdout, source }: Place): Promise<RecordingWriter> {
    const target = path === '-' ? stdoutTarget(stdout) : await fileTarget(resolve(cwd, path), path);
    const writer = new RecordingWriter(target, path, source);
    // After a failure of the machine, the file is still a recording, so that `mq replay --partial` can read it.
    await writer.commit({ isDurable: true });
    return writer;
  }

  /** Adds a message, which `commit` writes. */
  add(message: Omit<RecordedMessage, 'at'>): void {
    this.#first ??= message.time;
    // The time of a computer can go back, but replay needs ascending times.
    this.#last = Math.max(this.#last, message.time - this.#first);
    const line = lineOfMessage({ ...message, at: this.#last });
    this.#lines.push(line);
    this.pending += line.length;
    this.count += 1;
  }

  /** Writes what was added. If `isDurable`, resolves when it is on disk. */
  async commit({ isDurable }: { readonly isDurable: boolean }): Promise<void> {
    const lines = this.#lines.splice(0);
    this.pending = 0;
    if (lines.length > 0) {
      const bytes = Buffer.from(`${lines.join('\n')}\n`);
      this.#hash.update(bytes);
      await this.#target.write(await this.#compressor.piece(bytes));
    }
    if (isDurable) await this.#target.sync();
  }

  /**
   * Writes the last line. Resolves when everything is on disk.
   * @param missed number of messages that were not recorded because the recording was too slow
   */
  async end(missed = 0): Promise<void> {
    await this.commit({ isDurable: false });
    const sha256 = this.#hash.digest('hex');
    const last = { end: true, count: this.count, ...(missed > 0 && { missed }), sha256 };
    await this.#target.write(await this.#compressor.piece(Buffer.from(`${JSON.stringify(last)}\n`)));
    await this.#target.write(await this.#compressor.end());
    await this.#target.sync();
  }

  /** Closes the file, with or without its last line. */
  close(): Promise<void> {
    return this.#target.close();
  }
}

function stdoutTarget(stdout: Output): Target {
  const write = (bytes: Buffer) =>
    new Promise<void>((settle, refuse) => {
      stdout.write(bytes, (error) => (error ? refuse(unwritable('stdout', error)) : settle()));
    });
  return { write, sync: async () => {}, close: async () => {} };
}

async function fileTarget(path: string, name: string): Promise<Target> {
  const existing = await promises.stat(filePath(path)).catch(() => undefined);
  const isSpecial = existing !== undefined && !existing.isFile();
  let file: promises.FileHandle;
  // The open of a named pipe waits for a reader, and no signal ends it.
  const probe = existing?.isFIFO() ? await openPipe(path, name) : undefined;
  try {
    file = await promises.open(filePath(path), isSpecial ? 'w' : 'wx');
    if (!isSpecial) await syncFolder(dirname(path));
  } catch (error) {
    if (systemCode(error) !== 'EEXIST')
      throw new MqError('CANNOT_CREATE', `cannot create ${name}: ${systemReason(error)}`, { cause: error });
    throw new MqError('CANNOT_CREATE', `${name} exists`, { hint: 'name another file, or delete this one first' });
  } finally {
    await probe?.close();
  }
  const guarded = (work: Promise<unknown>) =>
    work.then(
      () => undefined,
      (error: unknown) => {
        throw unwritable(name, error);
      },
    );
  return {
    write: (bytes) => guarded(file.writeFile(bytes)),
    sync: () => (isSpecial ? Promise.resolve() : guarded(file.sync())),
    close: () => file.close(),
  };
}

/** Opens a named pipe without waiting for its reader. Throws CANNOT_CREATE if it has none. */
async function openPipe(path: string, name: string): Promise<promises.FileHandle> {
  try {
    return await promises.open(filePath(path), constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (error) {
    const reason = systemCode(error) === 'ENXIO' ? 'nothing reads this named pipe' : systemReason(error);
    throw new MqError('CANNOT_CREATE', `cannot write to ${name}: ${reason}`, { hint: 'start its reader first' });
  }
}

/** Makes the name of a new file durable. Not every file system can sync a folder. */
async function syncFolder(path: string): Promise<void> {
  const folder = await promises.open(filePath(path), 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

function unwritable(name: string, cause: unknown): MqError {
  const reason = isBrokenPipe(cause) ? 'its reader has ended' : systemReason(cause);
  return new MqError('IO', `cannot write to ${name}: ${reason}`, { cause });
}
