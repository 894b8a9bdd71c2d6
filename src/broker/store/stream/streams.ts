// The streams of a store: opens and deletes their logs, and reports what is not on disk yet.

import { dirname, join } from 'node:path';
import { type MqError, systemCode } from '../../../errors.ts';
import type { StoreOptions } from '../contract.ts';
import { type Disk, systemDisk } from '../disk.ts';
import type { StreamLog, StreamLogOptions } from '../stream-log.ts';
import { StoreWriter } from '../writer.ts';
import { DiskLog } from './disk-log.ts';
import { type RecoveredStream, streamsFolder } from './recovery.ts';

interface StreamsParts {
  readonly folder: string;
  readonly recovered: Map<string, RecoveredStream>;
  readonly options: StoreOptions;
  readonly isEnded: () => boolean;
  /** Calls `done` when everything that was appended to the store before is on disk, or the store has failed. */
  readonly committed: (done: (error?: Error) => void) => void;
}

export class Streams {
  /** The error after which the store writes nothing more. */
  failure: MqError | undefined;
  readonly #parts: StreamsParts;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #recovered: Map<string, RecoveredStream>;
  readonly #writers = new Set<StoreWriter>();
  /** The writers with bytes that may not be on disk. */
  readonly #pending = new Set<StoreWriter>();
  readonly #deletions = new Set<Promise<void>>();

  constructor(parts: StreamsParts) {
    this.#parts = parts;
    this.#disk = parts.options.disk ?? systemDisk;
    this.#folder = join(parts.folder, streamsFolder);
    this.#recovered = parts.recovered;
  }

  get pendingBytes(): number {
    let bytes = 0;
    for (const writer of this.#pending) bytes += writer.pendingBytes;
    return bytes;
  }

  /** Opens the log in a folder of this name. Creates the folder when the first message is written. */
  open(id: string, options: StreamLogOptions): StreamLog {
    const folder = join(this.#folder, id);
    const recovered = this.#recovered.get(id);
    this.#recovered.delete(id);
    const segments = recovered?.segments.map(({ segment }) => segment) ?? [];
    const writer = new StoreWriter(folder, { segments, sequence: recovered?.sequence ?? 1 }, this.#writerOptions(), {
      onCreate: () => this.#createFolder(folder),
    });
    this.#writers.add(writer);
    const { log = () => undefined } = this.#parts.options;
    return new DiskLog({
      folder,
      disk: this.#disk,
      writer,
      recovered,
      options,
      log,
      isEnded: this.#parts.isEnded,
      onPending: () => this.#pending.add(writer),
      onDeleted: () => this.#delete(folder, writer),
    });
  }

  /** Deletes the folders of streams that were not opened, except for those with these names. */
  deleteOthers(kept: ReadonlySet<string>): void {
    for (const id of this.#recovered.keys()) if (!kept.has(id)) this.#remove(join(this.#folder, id));
    this.#recovered.clear();
  }

  /** Resolves when all messages that were appended before are on disk, or to the error of the first failure. */
  async onDisk(): Promise<MqError | undefined> {
    for (const writer of [...this.#pending]) {
      await new Promise<void>((done) => writer.committed(() => done()));
      if (writer.pendingBytes === 0) this.#pending.delete(writer);
    }
    return this.failure;
  }

  /** Calls `done` for each writer whose messages of before are on disk. Returns the number of calls that will follow. */
  committed(done: (error?: Error) => void): number {
    for (const writer of this.#pending) {
      if (writer.pendingBytes === 0) this.#pending.delete(writer);
      else writer.committed(done);
    }
    return this.#pending.size;
  }

  async close(): Promise<void> {
    for (const writer of this.#writers) await writer.close();
    await Promise.all(this.#deletions);
  }

  #delete(folder: string, writer: StoreWriter): void {
    const closed = writer.close().then(() => {
      this.#writers.delete(writer);
      this.#pending.delete(writer);
    });
    // The definition of the queue must be gone before its messages.
    const isUndefined = new Promise<void>((done, refuse) =>
      this.#parts.committed((error) => (error === undefined ? done() : refuse(error))),
    );
    this.#remove(folder, Promise.all([closed, isUndefined]));
  }

  #remove(folder: string, before: Promise<unknown> = Promise.resolve()): void {
    const { log = () => undefined } = this.#parts.options;
    const deletion = before
      .then(() => this.#disk.removeFolder(folder))
      .catch((error) => log(`the store: cannot delete ${folder}: ${error instanceof Error ? error.message : error}`))
      .finally(() => this.#deletions.delete(deletion));
    this.#deletions.add(deletion);
  }

  #writerOptions(): StoreOptions {
    const { options } = this.#parts;
    return {
      ...options,
      onFailed: (failure) => {
        this.failure ??= failure;
        options.onFailed?.(failure);
      },
    };
  }

  /** Creates the folder of a stream and the one that contains it, and makes their names durable. */
  async #createFolder(folder: string): Promise<void> {
    for (const each of [dirname(folder), folder]) {
      try {
        await this.#disk.mkdir(each);
      } catch (error) {
        if (systemCode(error) !== 'EEXIST') throw error;
      }
      // A folder that exists may not be durable yet, if the broker ended after it had created the folder.
      await this.#disk.syncFolder(dirname(each));
    }
  }
}
