// Appends to the log. Records gather in memory while one write and sync runs; the next one takes them all (group commit).
// Nothing here blocks: writing and syncing are done by the thread pool.

import { open } from 'node:fs/promises';
import { MqError } from '../../errors.ts';
import type { StoreFile, StoreOptions } from './contract.ts';
import { identityOf, syncFolder, writeAll } from './disk.ts';
import { RecordEncoder } from './record.ts';
import { newSegment, type Segment, segmentHeader } from './segment.ts';

/** How long records that nobody waits for may wait for company. */
const lingerMs = 20;
/** So many bytes are written without waiting for more. */
const enoughBytes = 1024 * 1024;

/** What goes into one file by one write and one sync. */
interface Batch {
  readonly segment: Segment;
  readonly parts: Buffer[];
  readonly bytes: number;
}

type Done = (error?: Error) => void;

export class StoreWriter {
  readonly #folder: string;
  readonly #segmentBytes: number;
  readonly #open: NonNullable<StoreOptions['open']>;
  readonly #log: (line: string) => void;
  readonly #onFailed: (failure: MqError) => void;
  readonly #encoder = new RecordEncoder();
  /** All segments, oldest first; the last one is appended to. */
  readonly segments: Segment[];
  /** Settled messages by queue, to be one record. */
  #held = new Map<string, number[]>();
  #active: Segment;
  #file: StoreFile | undefined;
  /** Of `#file`, when it was opened. */
  #identity: string | undefined;
  /** The segment that `#file` is of, and how much of it is written. */
  #written: { segment: Segment; bytes: number } | undefined;
  #sequence: number;
  #batches: Batch[] = [];
  /** Bytes in the encoder: the batch that is being gathered. */
  #gathered = 0;
  #waiting: Done[] = [];
  #failure: MqError | undefined;
  #running: Promise<void> | undefined;
  #soon: NodeJS.Timeout | undefined;
  #totalBytes: number;
  /** Bytes that are not on disk yet. */
  pendingBytes = 0;

  constructor(folder: string, segments: Segment[], sequence: number, options: StoreOptions) {
    this.#folder = folder;
    this.segments = segments;
    this.#sequence = sequence;
    this.#segmentBytes = options.segmentBytes ?? 16 * 1024 * 1024;
    this.#open = options.open ?? open;
    this.#log = options.log ?? (() => undefined);
    this.#onFailed = options.onFailed ?? (() => undefined);
    const last = segments.at(-1);
    this.#active = last ?? newSegment(folder, 1);
    if (last === undefined) segments.push(this.#active);
    else this.#written = { segment: last, bytes: last.bytes };
    this.#totalBytes = segments.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Of all segments, with what is still to be written. */
  get totalBytes(): number {
    return this.#totalBytes;
  }

  removeOldest(): void {
    this.#totalBytes -= this.segments.shift()?.bytes ?? 0;
  }

  get failure(): MqError | undefined {
    return this.#failure;
  }

  /** Appends what `encode` puts into the encoder, in one segment, which it gives with the length. */
  append(encode: (encoder: RecordEncoder) => number): { segment: Segment; length: number } {
    if (this.#active.bytes >= this.#segmentBytes) this.#rotate();
    if (this.#gathered === 0) this.#count(this.#encoder.batch(this.#active.salt, this.#sequence++));
    const length = encode(this.#encoder);
    this.#count(length);
    this.#schedule();
    return { segment: this.#active, length };
  }

  /** Appends later, together with its queue's others: the order of a settlement and other records does not matter. */
  settle(queue: string, id: number): void {
    const ids = this.#held.get(queue);
    if (ids === undefined) this.#held.set(queue, [id]);
    else ids.push(id);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#running !== undefined || this.#failure !== undefined) return;
    if (this.#waiting.length > 0 || this.pendingBytes >= enoughBytes) this.#start();
    else this.#soon ??= setTimeout(() => this.#start(), lingerMs);
  }

  committed(done: Done): void {
    if (this.#failure !== undefined) {
      queueMicrotask(() => done(this.#failure));
      return;
    }
    this.#waiting.push(done);
    this.#schedule();
  }

  /** Once nothing runs and nothing waits. */
  async close(): Promise<void> {
    await new Promise<void>((done) => this.committed(() => done()));
    await this.#running;
    await this.#file?.close().catch((error) => this.#fail('closing', this.#active, error));
    this.#file = undefined;
  }

  #start(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#running ??= this.#run();
  }

  async #run(): Promise<void> {
    // Everything that this turn of the event loop appends goes along.
    await new Promise((turned) => setImmediate(turned));
    while (this.#failure === undefined) {
      this.#appendHeld();
      this.#cut();
      const [batches, waiting] = [this.#batches, this.#waiting];
      if (batches.length === 0 && waiting.length === 0) break;
      this.#batches = [];
      this.#waiting = [];
      for (const batch of batches) await this.#write(batch);
      this.#answer(waiting);
      // What the answers bring along in this turn.
      if (this.#waiting.length === 0) await new Promise((turned) => setImmediate(turned));
      if (this.#waiting.length === 0 && this.pendingBytes < enoughBytes) break;
    }
    this.#running = undefined;
    if (this.#failure !== undefined) this.#answer(this.#waiting.splice(0));
    else if (this.pendingBytes > 0 || this.#waiting.length > 0 || this.#held.size > 0) this.#schedule();
  }

  #appendHeld(): void {
    const held = this.#held;
    this.#held = new Map();
    for (const [queue, ids] of held) this.append((encoder) => encoder.settle(queue, ids));
  }

  #answer(waiting: readonly Done[]): void {
    for (const done of waiting) done(this.#failure);
  }

  async #write({ segment, parts, bytes }: Batch): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      const file = await this.#fileOf(segment);
      const written = this.#written ?? { segment, bytes: 0 };
      await writeAll(file, parts, written.bytes);
      written.bytes += bytes;
      // A sync that failed may have thrown the pages away: it is never tried again, the store has failed.
      await file.datasync();
      await this.#assertThere(segment);
      this.pendingBytes -= bytes;
    } catch (error) {
      this.#fail('writing', segment, error);
    }
  }

  /** A file that was removed is written and synced without an error, and no later start finds it. */
  async #assertThere({ path }: Segment): Promise<void> {
    if (this.#identity !== undefined && (await identityOf(path)) === this.#identity) return;
    throw new MqError('IO', 'the file was removed or replaced', {
      at: path,
      hint: 'restore the folder if it was moved, then start the broker again; nothing that came later is kept',
    });
  }

  async #fileOf(segment: Segment): Promise<StoreFile> {
    if (this.#file !== undefined && this.#written?.segment === segment) return this.#file;
    if (this.#written?.segment === segment) {
      this.#file = await this.#open(segment.path, 'r+');
      this.#identity = await identityOf(segment.path);
      return this.#file;
    }
    await this.#file?.close();
    this.#file = await this.#open(segment.path, 'wx', 0o600);
    this.#identity = await identityOf(segment.path);
    const header = segmentHeader(segment);
    await writeAll(this.#file, [header], 0);
    await this.#file.datasync();
    await syncFolder(this.#folder);
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
    if (this.#gathered === 0) return;
    this.#batches.push({ segment: this.#active, parts: this.#encoder.take(), bytes: this.#gathered });
    this.#gathered = 0;
  }

  #count(length: number): void {
    this.#active.bytes += length;
    this.#totalBytes += length;
    this.#gathered += length;
    this.pendingBytes += length;
  }

  #fail(doing: string, { path }: Segment, cause: unknown): void {
    if (this.#failure !== undefined) return;
    const why = cause instanceof Error ? cause.message : String(cause);
    const hint = cause instanceof MqError ? cause.hint : undefined;
    this.#failure = new MqError('IO', `${doing} ${path}: ${why}`, {
      at: path,
      hint: hint ?? 'give the disk room or repair it, then start the broker again; what was confirmed is kept',
      cause,
    });
    this.#log(`the store has failed, nothing more is kept: ${this.#failure.message}`);
    this.#onFailed(this.#failure);
  }
}
