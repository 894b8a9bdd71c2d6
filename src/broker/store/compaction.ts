// Frees disk space by deleting the oldest segment. Before that, it appends the needed records of the segment to the log again,
// with the same ids, and waits until they are on disk. Segments are deleted oldest first, because a record such as `settle`
// must not be deleted before the record that it undoes.

import { time } from '../../time.ts';
import type { Disk } from './disk.ts';
import type { LiveRecords } from './live-records.ts';
import { decodeMessage, type MessageRecord, type StoreRecord } from './record.ts';
import { readSegment, type Segment } from './segment.ts';
import type { StoreWriter } from './writer.ts';

/** Bytes that are appended in one turn of the event loop. */
const sliceBytes = 256 * 1024;
const longestPauseMs = 600_000;

export class StoreCompaction {
  readonly #folder: string;
  readonly #disk: Disk;
  readonly #slackBytes: number;
  readonly #pauseMs: number;
  readonly #index: LiveRecords;
  readonly #writer: StoreWriter;
  readonly #log: (line: string) => void;
  #running: Promise<void> | undefined;
  #isClosed = false;
  /** The number of consecutive failures. */
  #failures = 0;
  /** Earliest time of the next attempt, by `time.now()`. */
  #notBefore = 0;

  constructor(
    index: LiveRecords,
    writer: StoreWriter,
    at: { folder: string; disk: Disk; slackBytes: number; pauseMs: number; log: (line: string) => void },
  ) {
    this.#folder = at.folder;
    this.#disk = at.disk;
    this.#slackBytes = at.slackBytes;
    this.#pauseMs = at.pauseMs;
    this.#index = index;
    this.#writer = writer;
    this.#log = at.log;
  }

  /** Starts if there is space to free. The check is cheap, because the store makes it after each change. */
  startIfDue(): void {
    if (this.#running !== undefined || this.#isClosed || !this.#isDue() || time.now() < this.#notBefore) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Stops after the current step. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  #isDue(): boolean {
    const { segments } = this.#writer;
    const oldest = segments[0];
    if (oldest === undefined || segments.length === 1 || this.#writer.failure !== undefined) return false;
    if (this.#index.drops > 0) return false;
    return oldest.liveBytes === 0 || this.#writer.totalBytes > 2 * this.#index.liveBytes + this.#slackBytes;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isClosed && this.#isDue()) await this.#compactOldest();
      this.#failures = 0;
    } catch (error) {
      // No record is lost, because the segment stays. The next attempt follows after a pause.
      const pauseMs = Math.min(this.#pauseMs * 2 ** this.#failures, longestPauseMs);
      this.#failures += 1;
      this.#notBefore = time.now() + pauseMs;
      const reason = error instanceof Error ? error.message : error;
      this.#log(`the store: cannot free disk space, next attempt in ${pauseMs / 1000} s: ${reason}`);
    }
  }

  async #compactOldest(): Promise<void> {
    const [oldest] = this.#writer.segments;
    if (oldest === undefined) return;
    // The last bytes of the segment may not be written yet.
    if (!(await this.#isCommitted())) return;
    if (oldest.liveBytes > 0) await this.#appendAgain(oldest);
    if (oldest.liveBytes > 0) {
      if (this.#isClosed || this.#index.drops > 0) return;
      throw new Error(`${oldest.liveBytes} needed bytes of ${oldest.path} were not found`);
    }
    // The records that replace those of the segment must be on disk before it is deleted.
    if (!(await this.#isCommitted())) return;
    await this.#disk.unlink(oldest.path);
    // The deletion must be durable before the next one, because recovery reports a gap between segments as damage.
    await this.#disk.syncFolder(this.#folder);
    this.#writer.removeOldest();
  }

  async #appendAgain(oldest: Segment): Promise<void> {
    for (const defined of [...this.#index.definitions()]) {
      const { definition, sequence, record } = defined;
      if (record.segment !== oldest) continue;
      const { segment, length } = this.#writer.append((encoder) => encoder.define(sequence, definition));
      this.#index.define(definition, sequence, segment, length);
    }
    if (oldest.liveBytes === 0) return;
    const bytes = await this.#disk.readFile(oldest.path);
    const messages: { record: MessageRecord; end: number }[] = [];
    const onRecord = (record: StoreRecord, _offset: number, end: number) => {
      if (record.type === 'message') messages.push({ record, end });
    };
    readSegment(oldest, bytes, { isLast: false, onRecord });
    let sliced = 0;
    for (const { record, end } of messages) {
      const queues = this.#index.queuesIn(oldest, record);
      if (queues.length === 0) continue;
      const message = decodeMessage(bytes, record, end);
      const { segment, length } = this.#writer.append((encoder) => encoder.message(message.id, message, queues));
      this.#index.enqueue(record.id, queues, segment, length);
      for (const { queue, returns } of queues) {
        if (returns.acquiredCount > 0) this.#writer.append((encoder) => encoder.returned(queue, record.id, returns));
      }
      sliced += length;
      if (sliced < sliceBytes) continue;
      sliced = 0;
      // Waiting for the disk also limits the memory of pending bytes.
      if (!(await this.#isCommitted()) || this.#isClosed) return;
    }
  }

  #isCommitted(): Promise<boolean> {
    return new Promise((done) => this.#writer.committed((error) => done(error === undefined)));
  }
}
