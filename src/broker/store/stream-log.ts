// The interface of the log of a stream: an append-only list of messages with consecutive offsets, in memory or on disk. It
// consists of segments, and the oldest segments are deleted first.

export interface StreamMessage {
  readonly exchange: string;
  readonly routingKey: string;
  /** The encoded properties, then the body. */
  readonly content: Buffer;
  /** The slices of a large body, which follow `content`. */
  readonly more?: readonly Buffer[];
  readonly propertiesLength: number;
}

export interface StreamRecord {
  readonly offset: number;
  /** The time at which the message arrived, in milliseconds since 1970. */
  readonly time: number;
  readonly message: StreamMessage;
}

/** The position of one reader of a log. */
export interface Cursor {
  /**
   * Returns the next record, or `undefined` if no further record has arrived. Continues at the first record of the log if the
   * next one was deleted. Throws an error if the record cannot be read. The log calls `onReadable` of the cursor when a call
   * may return more.
   */
  next(): StreamRecord | undefined;
  close(): void;
}

/** The segments that a log may delete. It never deletes its newest segment. */
export interface Retention {
  /** Deletes the oldest segments while the log has more bytes. */
  readonly maxBytes: number;
  /** Deletes segments whose newest message arrived before this time, in milliseconds since 1970. */
  readonly before: number;
}

export interface StreamLog<M extends StreamMessage = StreamMessage> {
  /** The offset of the oldest message, or of the next one if the log is empty. */
  readonly firstOffset: number;
  /** The offset after the last message that consumers may receive. */
  readonly endOffset: number;
  /** The offset of the message that arrives next. */
  readonly nextOffset: number;
  readonly bytes: number;
  readonly segmentCount: number;
  /** The arrival of the newest message of the oldest segment, if the log may delete that segment. */
  readonly oldestTime: number | undefined;
  /** A segment ends at this number of bytes. */
  segmentBytes: number;
  append(message: M, time: number): void;
  /** Returns the offset of a message that is not newer than the first message which arrived at `time` or later. */
  offsetBefore(time: number): number;
  cursor(offset: number, onReadable: () => void): Cursor;
  trim(retention: Retention): void;
  /** Deletes the log. */
  delete(): void;
}

export interface StreamLogOptions {
  readonly segmentBytes: number;
  /** Called when `endOffset` has grown. */
  readonly onAppended: () => void;
}
