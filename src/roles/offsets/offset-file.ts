// Stores the offset of a stream in a file. The file has two lines of equal length, which are overwritten in turn. If the
// machine fails while one is written, the other one is still valid. An offset is in the file as soon as the event loop
// has processed the messages that arrived together, so that it survives a kill of mq. fsync follows for groups of
// offsets.

import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  realpathSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { MqError, systemCode, systemReason } from '../../errors.ts';
import { time } from '../../time.ts';
import { type FileLock, lockFile } from './file-lock.ts';
import { type OffsetStore, offsetOfRecord, recordOf, type StreamNames } from './offset-record.ts';

/** Length of a line in bytes. It is a multiple of a disk sector, so that a failed write damages only one line. */
const lineBytes = 2048;

interface OffsetFileParts {
  readonly path: string;
  readonly stream: StreamNames;
  /** Called with the error if an offset cannot be stored. */
  readonly onError: (error: MqError) => void;
}

export class OffsetFile implements OffsetStore {
  readonly stored: number | undefined;
  readonly #parts: OffsetFileParts;
  readonly #descriptor: number;
  readonly #lock: FileLock;
  #next: number | undefined;
  /** Index of the line that is written next: 0 or 1. */
  #line = 0;
  #syncing: Promise<void> | undefined;
  #isUnsynced = false;

  private constructor(parts: OffsetFileParts, descriptor: number, lock: FileLock) {
    this.#parts = parts;
    this.#descriptor = descriptor;
    this.#lock = lock;
    this.stored = this.#read();
  }

  /**
   * Opens the file, and creates it if it does not exist.
   * @throws MqError if the file cannot be used, if another reader uses it, or if it contains no offset of this stream
   */
  static async open(parts: OffsetFileParts): Promise<OffsetFile> {
    const { path } = parts;
    const descriptor = opened(path);
    let lock: FileLock | undefined;
    try {
      // A device such as /dev/zero has no end.
      if (!fstatSync(descriptor).isFile()) throw unusable(path, 'it is not a regular file');
      lock = await lockFile(descriptor);
      if (lock === undefined)
        throw unusable(path, 'another reader uses it', { hint: 'each reader requires an offset file of its own' });
      return new OffsetFile(parts, descriptor, lock);
    } catch (error) {
      lock?.release();
      closeSync(descriptor);
      throw error;
    }
  }

  save(offset: number): void {
    if (this.#next === undefined) time.nextTurn(() => this.#write());
    this.#next = offset;
  }

  async close(): Promise<void> {
    this.#write();
    while (this.#syncing !== undefined) await this.#syncing;
    closeSync(this.#descriptor);
    this.#lock.release();
  }

  #read(): number | undefined {
    const { path, stream } = this.#parts;
    // After a failure of the machine, a line that was not on disk may consist of zeros.
    const bytes = Buffer.alloc(2 * lineBytes);
    const length = readSync(this.#descriptor, bytes, 0, bytes.length, 0);
    const text = bytes.toString('utf8', 0, length).replaceAll(/\0+/g, '\n');
    const offsets = text.split('\n').map((line) => offsetOfRecord(line, stream, path));
    const stored = offsets.reduce((most, one) => (one !== undefined && one >= (most ?? 0) ? one : most), undefined);
    if (stored === undefined && text.trim() !== '')
      throw new MqError('BAD_DATA', `${path} contains no offset of a stream`, {
        hint: 'name another file, or delete it',
      });
    // The older line is overwritten first.
    this.#line = offsets[0] !== undefined && offsets[0] === stored ? 1 : 0;
    return stored;
  }

  #write(): void {
    const offset = this.#next;
    if (offset === undefined) return;
    this.#next = undefined;
    const line = Buffer.alloc(lineBytes, ' ');
    line.write(recordOf(this.#parts.stream, offset));
    line.write('\n', lineBytes - 1);
    try {
      writeSync(this.#descriptor, line, 0, lineBytes, this.#line * lineBytes);
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#line = 1 - this.#line;
    this.#isUnsynced = true;
    this.#syncing ??= this.#sync();
  }

  async #sync(): Promise<void> {
    try {
      while (this.#isUnsynced) {
        this.#isUnsynced = false;
        await promisify(fdatasync)(this.#descriptor);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#syncing = undefined;
    }
  }

  #fail(error: unknown): void {
    const { path, onError } = this.#parts;
    onError(new MqError('IO', `cannot write the offset file ${path} (${systemReason(error)})`, { cause: error }));
  }
}

/** Opens the file for reading and writing. A new file is in its folder when this function returns. */
function opened(path: string): number {
  try {
    return openSync(path, 'r+');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw unusable(path, systemReason(error), { cause: error });
  }
  try {
    // Without O_EXCL, because the path may be a symbolic link to a file that does not exist yet.
    const descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
    const folder = openSync(dirname(realpathSync(path)), 'r');
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
    return descriptor;
  } catch (error) {
    throw unusable(path, systemReason(error), { cause: error });
  }
}

function unusable(path: string, reason: string, more: { hint?: string; cause?: unknown } = {}): MqError {
  return new MqError('CANNOT_CREATE', `cannot open the offset file ${path} (${reason})`, more);
}
