// Gives disk space back, from the oldest end of the log only: what is still needed of the oldest segment is appended
// again, with the same ids; once that is on disk the file goes. So no record is ever needed to undo one of an older file.

import { readFile, unlink } from 'node:fs/promises';
import { syncFolder } from './disk.ts';
import type { StoreIndex } from './live-records.ts';
import { decodeMessage, type MessageRecord, type StoreRecord } from './record.ts';
import { readSegment, type Segment } from './segment.ts';
import type { StoreWriter } from './writer.ts';

/** So many bytes are appended again before the event loop turns. */
const sliceBytes = 256 * 1024;
const longestPauseMs = 600_000;

export class StoreCleaning {
  readonly #folder: string;
  readonly #slackBytes: number;
  readonly #pauseMs: number;
  readonly #index: StoreIndex;
  readonly #writer: StoreWriter;
  readonly #log: (line: string) => void;
  #running: Promise<void> | undefined;
  #isClosed = false;
  /** In a row. */
  #failures = 0;
  /** Of performance.now(). */
  #notBefore = 0;

  constructor(
    index: StoreIndex,
    writer: StoreWriter,
    at: { folder: string; slackBytes: number; pauseMs: number; log: (line: string) => void },
  ) {
    this.#folder = at.folder;
    this.#slackBytes = at.slackBytes;
    this.#pauseMs = at.pauseMs;
    this.#index = index;
    this.#writer = writer;
    this.#log = at.log;
  }

  /** Looks whether there is something to give back; cheap, for after every change. */
  consider(): void {
    if (this.#running !== undefined || this.#isClosed || performance.now() < this.#notBefore || !this.#isDue()) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  /** Ends after the step that runs. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  #isDue(): boolean {
    const [oldest] = this.#writer.segments;
    if (oldest === undefined || this.#writer.segments.length === 1 || this.#writer.failure !== undefined) return false;
    if (this.#index.drops > 0) return false;
    return oldest.liveBytes === 0 || this.#writer.totalBytes > 2 * this.#index.liveBytes + this.#slackBytes;
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isClosed && this.#isDue()) await this.#cleanOldest();
      this.#failures = 0;
    } catch (error) {
      // Nothing is lost: the segment stays, and is looked at again after a pause.
      const pauseMs = Math.min(this.#pauseMs * 2 ** this.#failures, longestPauseMs);
      this.#failures += 1;
      this.#notBefore = performance.now() + pauseMs;
      const why = error instanceof Error ? error.message : error;
      this.#log(`the store gives no space back, and tries it again in ${pauseMs / 1000} s: ${why}`);
    }
  }

  async #cleanOldest(): Promise<void> {
    const [oldest] = this.#writer.segments;
    if (oldest === undefined) return;
    // Its last bytes may not be written yet.
    if (!(await this.#isCommitted())) return;
    if (oldest.liveBytes > 0) await this.#appendAgain(oldest);
    if (oldest.liveBytes > 0) {
      if (this.#isClosed || this.#index.drops > 0) return;
      throw new Error(`${oldest.path} holds ${oldest.liveBytes} bytes that were not found`);
    }
    // What made its records needless has to be on disk before they go.
    if (!(await this.#isCommitted())) return;
    await unlink(oldest.path);
    // One after the other: a gap between segments would be damage.
    await syncFolder(this.#folder);
    this.#writer.removeOldest();
  }

  async #appendAgain(oldest: Segment): Promise<void> {
    for (const defined of [...this.#index.definitions()]) {
      const { definition, sequence, located } = defined;
      if (located.segment !== oldest) continue;
      const { segment, length } = this.#writer.append((encoder) => encoder.define(sequence, definition));
      this.#index.define(definition, sequence, segment, length);
    }
    if (oldest.liveBytes === 0) return;
    const bytes = await readFile(oldest.path);
    const messages: { record: MessageRecord; end: number }[] = [];
    const take = (record: StoreRecord, _offset: number, end: number) => {
      if (record.type === 'message') messages.push({ record, end });
    };
    readSegment(oldest, bytes, { isLast: false, take });
    let sliced = 0;
    for (const { record, end } of messages) {
      const places = this.#index.placesIn(oldest, record);
      if (places.length === 0) continue;
      const message = decodeMessage(bytes, record, end);
      const { segment, length } = this.#writer.append((encoder) => encoder.message(message, places));
      this.#index.enqueue(record.id, places, segment, length);
      for (const { queue, returns } of places) {
        if (returns.acquiredCount > 0) this.#writer.append((encoder) => encoder.returned(queue, record.id, returns));
      }
      sliced += length;
      if (sliced < sliceBytes) continue;
      sliced = 0;
      // Also holds back what is read until the disk has it.
      if (!(await this.#isCommitted()) || this.#isClosed) return;
    }
  }

  #isCommitted(): Promise<boolean> {
    return new Promise((done) => this.#writer.committed((error) => done(error === undefined)));
  }
}
