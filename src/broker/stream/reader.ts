// One consumer of a stream: its position, its filter, and the delivery of the messages that it may receive.

import type { Consumer } from '../queue/consumers.ts';
import type { Work } from '../slices.ts';
import type { Cursor, StreamLog, StreamRecord } from '../store/stream-log.ts';
import type { StreamFilter } from './filter.ts';
import type { Start } from './start.ts';

interface ReaderParts {
  readonly consumer: Consumer;
  readonly log: StreamLog;
  readonly start: Start;
  readonly filter: StreamFilter | undefined;
  /** Called when the log may have more messages for this reader. */
  readonly onReadable: () => void;
}

export class StreamReader {
  /** True while slices of `deliverAll` are pending. */
  isRunning = false;
  readonly consumer: Consumer;
  readonly #log: StreamLog;
  readonly #filter: StreamFilter | undefined;
  readonly #cursor: Cursor;
  readonly #offset: number;
  /** Messages that arrived before this time are skipped until the first one is found. */
  #time: number;
  #nextOffset: number;
  #isClosed = false;

  constructor({ consumer, log, start, filter, onReadable }: ReaderParts) {
    this.consumer = consumer;
    this.#log = log;
    this.#filter = filter;
    this.#offset = start.offset;
    this.#time = start.time;
    this.#nextOffset = start.offset;
    this.#cursor = log.cursor(start.offset, onReadable);
  }

  /** The number of messages that the consumer has not received yet. */
  get backlog(): number {
    return Math.max(this.#log.endOffset - Math.max(this.#nextOffset, this.#log.firstOffset), 0);
  }

  /** Calls `deliver` for each message, until there are no more or the consumer accepts none. Yields after each message. */
  *deliverAll(deliver: (record: StreamRecord) => void): Work {
    while (!this.#isClosed && this.consumer.isReady()) {
      const record = this.#cursor.next();
      if (record === undefined) return;
      this.#nextOffset = record.offset + 1;
      if (this.#isWanted(record)) deliver(record);
      yield;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#cursor.close();
  }

  #isWanted({ offset, time, message }: StreamRecord): boolean {
    if (offset < this.#offset || time < this.#time) return false;
    // The clock may have been set back after the first message, but the order of the messages is the order of the offsets.
    this.#time = -Infinity;
    return this.#filter?.(message) ?? true;
  }
}
