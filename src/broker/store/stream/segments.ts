// The segments of the log of one stream on disk, with their offsets and times. A sparse index of each segment contains the
// position of a record about every 64 KiB.

import { type Segment, segmentHeaderLength } from '../segment.ts';

export interface StreamSegment {
  readonly segment: Segment;
  readonly firstOffset: number;
  /**
   * The arrival of the newest message, in milliseconds since 1970. After a restart, an older segment has that of the first
   * message after it. -Infinity if there is no message.
   */
  newestTime: number;
  /** The number of bytes that are on disk. */
  writtenBytes: number;
  /** Offsets and positions in ascending order. */
  readonly index: { readonly offset: number; readonly position: number }[];
}

const indexBytes = 64 * 1024;

/** Adds the position of a record to the index of its segment, if the last one in the index is far enough away. */
export function addToIndex({ index }: Pick<StreamSegment, 'index'>, offset: number, position: number): void {
  const last = index.at(-1);
  if (last !== undefined && (offset <= last.offset || position < last.position + indexBytes)) return;
  index.push({ offset, position });
}

/** Returns a position from which a reader of the segment finds the record of this offset. */
export function positionBefore({ index }: StreamSegment, offset: number): number {
  let [low, high] = [0, index.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((index[middle]?.offset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return index[low - 1]?.position ?? segmentHeaderLength;
}

/** Returns the last segment that begins at or before the offset. */
export function segmentOf(segments: readonly StreamSegment[], offset: number): StreamSegment | undefined {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((segments[middle]?.firstOffset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return segments[low - 1];
}
