// The log of a stream in memory.

import type { Memory } from '../queue/memory.ts';
import type { Message } from '../queue/message.ts';
import type { Slices } from '../slices.ts';
import type { Cursor, Retention, StreamLog, StreamLogOptions, StreamRecord } from '../store/stream-log.ts';

interface Segment {
  readonly firstOffset: number;
  readonly messages: Message[];
  /** The arrival of each message. */
  readonly times: number[];
  bytes: number;
}

/** Estimated overhead of a message in a segment file of RabbitMQ, in bytes. */
const recordBytes = 64;

export class MemoryLog implements StreamLog<Message> {
  readonly #memory: Memory;
  readonly #slices: Slices;
  readonly #onAppended: () => void;
  /** The oldest first. The last one grows. */
  #segments: Segment[] = [newSegment(0)];
  bytes = 0;
  segmentBytes: number;

  constructor({ memory, slices }: { memory: Memory; slices: Slices }, { segmentBytes, onAppended }: StreamLogOptions) {
    this.#memory = memory;
    this.#slices = slices;
    this.segmentBytes = segmentBytes;
    this.#onAppended = onAppended;
  }

  get firstOffset(): number {
    return this.#segments[0]?.firstOffset ?? 0;
  }

  get endOffset(): number {
    return this.nextOffset;
  }

  get nextOffset(): number {
    const last = this.#last();
    return last.firstOffset + last.messages.length;
  }

  get segmentCount(): number {
    return this.#segments.length;
  }

  get oldestTime(): number | undefined {
    return this.#segments.length === 1 ? undefined : this.#segments[0]?.times.at(-1);
  }

  append(message: Message, time: number): void {
    if (this.#last().bytes >= this.segmentBytes) this.#segments.push(newSegment(this.nextOffset));
    const segment = this.#last();
    this.#memory.hold(message);
    segment.messages.push(message);
    segment.times.push(time);
    this.#count(segment, recordBytes + message.contentLength);
    this.#onAppended();
  }

  offsetBefore(time: number): number {
    const segment = this.#segments.find(({ times }) => (times.at(-1) ?? -Infinity) >= time);
    return segment?.firstOffset ?? this.nextOffset;
  }

  cursor(offset: number): Cursor {
    let next = offset;
    return {
      next: () => {
        next = Math.max(next, this.firstOffset);
        const record = this.#read(next);
        if (record !== undefined) next++;
        return record;
      },
      close: () => undefined,
    };
  }

  trim({ maxBytes, before }: Retention): void {
    const isDeleted = ({ times }: Segment) => this.bytes > maxBytes || (times.at(-1) ?? Infinity) < before;
    while (this.#segments.length > 1 && isDeleted(this.#segments[0] ?? this.#last())) this.#removeOldest();
  }

  delete(): void {
    while (this.#segments.length > 0) this.#removeOldest();
  }

  #removeOldest(): void {
    const oldest = this.#segments.shift();
    if (oldest === undefined) return;
    this.bytes -= oldest.bytes;
    this.#slices.each(oldest.messages, (message) => this.#memory.release(message));
  }

  #read(offset: number): StreamRecord | undefined {
    const segment = this.#segmentOf(offset);
    const index = offset - segment.firstOffset;
    const [message, time] = [segment.messages[index], segment.times[index]];
    return message === undefined || time === undefined ? undefined : { offset, time, message };
  }

  /** Returns the last segment that begins at or before the offset. */
  #segmentOf(offset: number): Segment {
    const last = this.#last();
    if (offset >= last.firstOffset) return last;
    let [low, high] = [0, this.#segments.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#segments[middle]?.firstOffset ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return this.#segments[low] ?? last;
  }

  #count(segment: Segment, bytes: number): void {
    segment.bytes += bytes;
    this.bytes += bytes;
  }

  #last(): Segment {
    const last = this.#segments.at(-1);
    if (last !== undefined) return last;
    const first = newSegment(0);
    this.#segments.push(first);
    return first;
  }
}

function newSegment(firstOffset: number): Segment {
  return { firstOffset, messages: [], times: [], bytes: 0 };
}
