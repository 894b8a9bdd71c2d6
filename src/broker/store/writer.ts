// Appends to the log. Records accumulate in memory during a write and its sync, and the next write writes them all
// (group commit). The event loop is not blocked, because Node's thread pool writes and syncs.

import { MqError } from '../../errors.ts';
import { type Timer, time, turn } from '../../time.ts';
import type { StoreOptions } from './contract.ts';
import { type Disk, type LogFile, systemDisk, writeAll } from './disk.ts';
import { RecordEncoder } from './record.ts';
import { newSegment, type Segment, segmentHeader } from './segment.ts';

/** Delay before records without a pending commit are written, so that they can be batched. */
const lingerMs = 20;
/** From this number of pending bytes on, records are written without delay. */
const enoughBytes = 1024 * 1024;

/** Records that are written to one file and synced together. */
interface Batch {
  readonly segment: Segment;
  readonly parts: Buffer[];
  readonly bytes: number;
}

type Done = (error?: Error) => void;

interface WriterHooks {
  /**
   * Called before each write. Resolves when everything is on disk that must not be lost if the write succeeds, or to the error
   * for which the write is not allowed.
   */
  readonly onWrite?: () => Promise<MqError | undefined>;
  /** Called before a file is created. */
  readonly onCreate?: () => Promise<void>;
}

export class StoreWriter {
  readonly #folder: string;
  /** A segment ends at this number of bytes. */
  segmentBytes: number;
  readonly #hooks: WriterHooks;
  readonly #disk: Disk;
  readonly #log: (line: string) => void;
  readonly #onFailed: (failure: MqError) => void;
  readonly #encoder = new RecordEncoder();
  /** All segments, the oldest first. The last one grows. */
  readonly segments: Segment[];
  /** Settled messages that are not encoded yet, by queue. They become one record. */
  #settled = new Map<string, number[]>();
  #active: Segment;
  #file: LogFile | undefined;
  /** Device and inode of `#file` when it was opened. */
  #identity: string | undefined;
  /** The segment of `#file`, and the number of its bytes that are written. */
  #written: { segment: Segment; bytes: number } | undefined;
  #sequence: number;
  #batches: Batch[] = [];
  /** Bytes of the current batch, which is in the encoder. */
  #batchBytes = 0;
  #waiting: Done[] = [];
  #failure: MqError | undefined;
  #running: Promise<void> | undefined;
  #soon: Timer | undefined;
  #totalBytes: number;
  /** Bytes that are not on disk yet. */
  pendingBytes = 0;

  constructor(
    folder: string,
    { segments, sequence }: { segments: Segment[]; sequence: number },
    options: StoreOptions,
    hooks: WriterHooks = {},
  ) {
    this.#hooks = hooks;
    this.#folder = folder;
    this.segments = segments;
    this.#sequence = sequence;
    this.segmentBytes = options.segmentBytes ?? 16 * 1024 * 1024;
    this.#disk = options.disk ?? systemDisk;
    this.#log = options.log ?? (() => undefined);
    this.#onFailed = options.onFailed ?? (() => undefined);
    const last = segments.at(-1);
    this.#active = last ?? newSegment(folder, 1);
    if (last === undefined) segments.push(this.#active);
    else this.#written = { segment: last, bytes: last.bytes };
    this.#totalBytes = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes of all segments, including bytes that are not written yet. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  removeOldest(): void {
    this.#totalBytes -= this.segments.shift()?.bytes ?? 0;
  }

  get failure(): MqError | undefined {
    return this.#failure;
  }

  /** Appends a record, which `encode` encodes. Returns its segment and length. */
  append(encode: (encoder: RecordEncoder) => number): { segment: Segment; length: number } {
    if (this.#active.bytes >= this.segmentBytes) this.#rotate();
    if (this.#batchBytes === 0) this.#count(this.#encoder.batch(this.#active.salt, this.#sequence++));
    const length = encode(this.#encoder);
    this.#count(length);
    this.#schedule();
    return { segment: this.#active, length };
  }

  /** Adds a settlement, which is appended later, because one record can contain many. Its order in the log does not matter. */
  settle(queue: string, id: number): void {
    const ids = this.#settled.get(queue);
    if (ids === undefined) this.#settled.set(queue, [id]);
    else ids.push(id);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#running !== undefined || this.#failure !== undefined) return;
    if (this.#waiting.length > 0 || this.pendingBytes >= enoughBytes) this.#start();
    else this.#soon ??= time.after(lingerMs, () => this.#start());
  }

  committed(done: Done): void {
    if (this.#failure !== undefined) {
      queueMicrotask(() => done(this.#failure));
      return;
    }
    this.#waiting.push(done);
    this.#schedule();
  }

  /** Writes everything that is pending, and closes the file. */
  async close(): Promise<void> {
    await new Promise<void>((done) => this.committed(() => done()));
    await this.#running;
    await this.#file?.close().catch((error) => this.#fail('close', this.#active, error));
    this.#file = undefined;
  }

  #start(): void {
    this.#soon?.cancel();
    this.#soon = undefined;
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // The batch includes everything that this turn of the event loop appends.
    await turn();
    while (this.#failure === undefined) {
      this.#appendSettled();
      this.#cut();
      const [batches, waiting] = [this.#batches, this.#waiting];
      if (batches.length === 0 && waiting.length === 0) break;
      this.#batches = [];
      this.#waiting = [];
      if (batches.length > 0) this.#failure ??= await this.#hooks.onWrite?.();
      for (const batch of batches) await this.#write(batch);
      this.#report(waiting);
      // The callbacks may append more records in this turn.
      if (this.#waiting.length === 0) await turn();
      if (this.#waiting.length === 0 && this.pendingBytes < enoughBytes) break;
    }
    this.#running = undefined;
    if (this.#failure !== undefined) this.#report(this.#waiting.splice(0));
    else if (this.pendingBytes > 0 || this.#waiting.length > 0 || this.#settled.size > 0) this.#schedule();
  }

  #appendSettled(): void {
    const settled = this.#settled;
    this.#settled = new Map();
    for (const [queue, ids] of settled) this.append((encoder) => encoder.settle(queue, ids));
  }

  #report(waiting: readonly Done[]): void {
    for (const done of waiting) done(this.#failure);
  }

  async #write({ segment, parts, bytes }: Batch): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      const file = await this.#fileOf(segment);
      const written = this.#written ?? { segment, bytes: 0 };
      await writeAll(file, parts, written.bytes);
      written.bytes += bytes;
      // There is no retry, because a failed sync may have discarded the pages and a second sync would succeed without them.
      await file.datasync();
      this.#assertExists(segment);
      this.pendingBytes -= bytes;
    } catch (error) {
      this.#fail('write', segment, error);
    }
  }

  /** Throws if the file was removed or replaced. Writes and syncs still succeed then, but the next start cannot read the records. */
  #assertExists({ path }: Segment): void {
    if (this.#identity !== undefined && this.#disk.identityOf(path) === this.#identity) return;
    throw new MqError('IO', 'the file was removed or replaced', {
      at: path,
      hint: 'restore the folder if it was moved, then start the broker again; later messages are lost',
    });
  }

  async #fileOf(segment: Segment): Promise<LogFile> {
    if (this.#file !== undefined && this.#written?.segment === segment) return this.#file;
    if (this.#written?.segment === segment) {
      this.#file = await this.#disk.openLog(segment.path, 'r+');
      this.#identity = this.#disk.identityOf(segment.path);
      return this.#file;
    }
    await this.#file?.close();
    await this.#hooks.onCreate?.();
    this.#file = await this.#disk.openLog(segment.path, 'wx', 0o600);
    this.#identity = this.#disk.identityOf(segment.path);
    const header = segmentHeader(segment);
    await writeAll(this.#file, [header], 0);
    await this.#file.datasync();
    await this.#disk.syncFolder(this.#folder);
    this.#written = { segment, bytes: header.length };
    return this.#file;
  }

  #rotate(): void {
    this.#cut();
    this.#active = newSegment(this.#folder, this.#active.number + 1);
    this.segments.push(this.#active);
    this.#totalBytes += this.#active.bytes;
  }

  #cut(): void {
    if (this.#batchBytes === 0) return;
    this.#batches.push({ segment: this.#active, parts: this.#encoder.take(), bytes: this.#batchBytes });
    this.#batchBytes = 0;
  }

  #count(length: number): void {
    this.#active.bytes += length;
    this.#totalBytes += length;
    this.#batchBytes += length;
    this.pendingBytes += length;
  }

  #fail(action: string, { path }: Segment, cause: unknown): void {
    if (this.#failure !== undefined) return;
    const reason = cause instanceof Error ? cause.message : String(cause);
    const hint = cause instanceof MqError ? cause.hint : undefined;
    this.#failure = new MqError('IO', `cannot ${action} ${path}: ${reason}`, {
      at: path,
      hint: hint ?? 'free disk space or repair the disk, then start the broker again; confirmed messages are kept',
      cause,
    });
    this.#log(`the store has failed and writes nothing more: ${this.#failure.message}`);
    this.#onFailed(this.#failure);
  }
}
