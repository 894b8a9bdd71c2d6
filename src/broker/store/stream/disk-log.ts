// The log of one stream on disk. The segments are written like those of the store, with group commit. Consumers receive a
// message only after it is on disk.

import type { Disk } from '../disk.ts';
import type { Cursor, Retention, StreamLog, StreamLogOptions, StreamMessage } from '../stream-log.ts';
import type { StoreWriter } from '../writer.ts';
import { DiskCursor } from './cursor.ts';
import type { RecoveredStream } from './recovery.ts';
import { addToIndex, type StreamSegment } from './segments.ts';

interface DiskLogParts {
  readonly folder: string;
  readonly disk: Disk;
  readonly writer: StoreWriter;
  readonly recovered: RecoveredStream | undefined;
  readonly options: StreamLogOptions;
  readonly log: (line: string) => void;
  /** Returns true if nothing may be appended any more, because the store has failed or closes. */
  readonly isEnded: () => boolean;
  /** Called when a message waits for the disk. */
  readonly onPending: () => void;
  readonly onDeleted: () => void;
}

export class DiskLog implements StreamLog {
  readonly segments: StreamSegment[];
  nextOffset: number;
  endOffset: number;
  readonly #parts: DiskLogParts;
  readonly #writer: StoreWriter;
  /** Segments with messages for which no commit is requested. */
  readonly #fresh = new Set<StreamSegment>();
  /** Paths of segments that are no longer part of the log, the oldest first. */
  readonly #removed: string[] = [];
  #isRemoving = false;
  #isDeleted = false;

  constructor(parts: DiskLogParts) {
    const { recovered, writer, options } = parts;
    this.#parts = parts;
    this.#writer = writer;
    this.segmentBytes = options.segmentBytes;
    this.nextOffset = recovered?.nextOffset ?? 0;
    this.endOffset = this.nextOffset;
    this.segments = recovered?.segments ?? [];
  }

  get firstOffset(): number {
    return this.segments[0]?.firstOffset ?? this.nextOffset;
  }

  get bytes(): number {
    return this.#writer.totalBytes;
  }

  /** The number of segments with messages that consumers may receive. */
  get segmentCount(): number {
    return this.segments.findLastIndex(({ firstOffset }) => firstOffset < this.endOffset) + 1;
  }

  get segmentBytes(): number {
    return this.#writer.segmentBytes;
  }

  set segmentBytes(bytes: number) {
    this.#writer.segmentBytes = bytes;
  }

  get oldestTime(): number | undefined {
    return this.#isOldestRemovable() ? this.segments[0]?.newestTime : undefined;
  }

  append(message: StreamMessage, time: number): void {
    if (this.#parts.isEnded()) return;
    const offset = this.nextOffset++;
    const { segment, length } = this.#writer.append((encoder) => encoder.entry(offset, time, message));
    let last = this.segments.at(-1);
    if (last?.segment !== segment) {
      last = { segment, firstOffset: offset, newestTime: time, writtenBytes: 0, index: [] };
      this.segments.push(last);
    }
    last.newestTime = time;
    addToIndex(last, offset, segment.bytes - length);
    if (this.#fresh.size === 0) queueMicrotask(() => this.#commit());
    this.#fresh.add(last);
    this.#parts.onPending();
  }

  offsetBefore(time: number): number {
    return this.segments.find(({ newestTime }) => newestTime >= time)?.firstOffset ?? this.nextOffset;
  }

  cursor(offset: number, onReadable: () => void): Cursor {
    return new DiskCursor(this.#parts.disk, this, offset, onReadable);
  }

  trim({ maxBytes, before }: Retention): void {
    for (;;) {
      const [oldest] = this.segments;
      if (oldest === undefined || !this.#isOldestRemovable()) break;
      if (this.bytes <= maxBytes && oldest.newestTime >= before) break;
      this.segments.shift();
      this.#writer.removeOldest();
      this.#removed.push(oldest.segment.path);
    }
    if (!this.#isRemoving && this.#removed.length > 0) void this.#removeFiles();
  }

  delete(): void {
    this.#isDeleted = true;
    this.#parts.onDeleted();
  }

  /**
   * Returns true if the segment after the oldest one has a message on disk. Otherwise a start of the broker would not find the
   * offset of the next message.
   */
  #isOldestRemovable(): boolean {
    const next = this.segments[1];
    return next !== undefined && next.firstOffset < this.endOffset;
  }

  /** Requests the commit of all messages that this turn of the event loop has appended so far. */
  #commit(): void {
    const end = this.nextOffset;
    const written = Array.from(this.#fresh, (each) => ({ each, bytes: each.segment.bytes }));
    this.#fresh.clear();
    this.#writer.committed((error) => {
      if (error !== undefined || this.#isDeleted) return;
      for (const { each, bytes } of written) each.writtenBytes = bytes;
      this.endOffset = end;
      this.#parts.options.onAppended();
    });
  }

  /** Deletes files, the oldest first. After an error, the next call of `trim` tries again. */
  async #removeFiles(): Promise<void> {
    const { disk, folder } = this.#parts;
    this.#isRemoving = true;
    try {
      for (let path = this.#removed[0]; path !== undefined; path = this.#removed[0]) {
        await disk.unlink(path);
        // Recovery reports a gap between segments as damage, so that each deletion must be durable before the next one.
        await disk.syncFolder(folder);
        this.#removed.shift();
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : error;
      // After `delete`, the whole folder is removed, and this file with it.
      if (!this.#isDeleted) this.#parts.log(`the store: cannot delete an old segment of a stream: ${reason}`);
    }
    this.#isRemoving = false;
  }
}
