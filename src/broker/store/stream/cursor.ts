// Reads the log of one stream for one consumer. It reads a bounded number of bytes ahead, and keeps the file of the current
// segment open.

import type { Disk, DiskFile } from '../disk.ts';
import type { Cursor, StreamRecord } from '../stream-log.ts';
import { readRecords } from './records.ts';
import { addToIndex, positionBefore, type StreamSegment, segmentOf } from './segments.ts';

/** The part of a log that a cursor reads. */
interface ReadableLog {
  readonly firstOffset: number;
  readonly endOffset: number;
  /** The oldest first. */
  readonly segments: readonly StreamSegment[];
}

export class DiskCursor implements Cursor {
  readonly #disk: Disk;
  readonly #log: ReadableLog;
  readonly #onReadable: () => void;
  #offset: number;
  /** Records that were read ahead. */
  #records: StreamRecord[] = [];
  #segment: StreamSegment | undefined;
  #file: DiskFile | undefined;
  #position = 0;
  #error: unknown;
  #isReading = false;
  #isClosed = false;

  constructor(disk: Disk, log: ReadableLog, offset: number, onReadable: () => void) {
    this.#disk = disk;
    this.#log = log;
    this.#offset = offset;
    this.#onReadable = onReadable;
  }

  next(): StreamRecord | undefined {
    if (this.#error !== undefined) throw this.#error;
    const { firstOffset, endOffset } = this.#log;
    if (this.#offset < firstOffset) this.#offset = firstOffset;
    let record = this.#records.shift();
    while (record !== undefined && record.offset < this.#offset) record = this.#records.shift();
    if (record !== undefined) {
      this.#offset = record.offset + 1;
      return record;
    }
    if (this.#offset < endOffset && !this.#isReading && !this.#isClosed) void this.#readAhead();
    return undefined;
  }

  close(): void {
    this.#isClosed = true;
    this.#records = [];
    if (!this.#isReading) void this.#closeFile();
  }

  async #readAhead(): Promise<void> {
    this.#isReading = true;
    try {
      while (this.#records.length === 0 && !this.#isClosed) await this.#read();
    } catch (error) {
      // If retention has deleted the segment in the meantime, the cursor continues at the first one.
      if (this.#offset >= this.#log.firstOffset) this.#error = error;
      this.#segment = undefined;
    }
    this.#isReading = false;
    if (this.#isClosed) await this.#closeFile();
    else this.#onReadable();
  }

  async #read(): Promise<void> {
    const segment = segmentOf(this.#log.segments, this.#offset);
    if (segment === undefined) throw new Error('the segment was deleted');
    if (segment !== this.#segment) await this.#move(segment);
    const { path } = segment.segment;
    this.#file ??= await this.#disk.open(path, 'r');
    const range = { position: this.#position, end: segment.writtenBytes };
    const { records, position } = await readRecords({ file: this.#file, path }, range);
    this.#position = position;
    for (const record of records) {
      addToIndex(segment, record.offset, record.position);
      if (record.offset >= this.#offset) this.#records.push(record);
    }
  }

  async #move(segment: StreamSegment): Promise<void> {
    await this.#closeFile();
    this.#segment = segment;
    this.#position = positionBefore(segment, this.#offset);
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined);
  }
}
