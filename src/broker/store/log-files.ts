// The files of a log in one folder: which of them exist, and how an incomplete end is removed.

import { dirname } from 'node:path';
import { MqError } from '../../errors.ts';
import { type Disk, writeAll } from './disk.ts';
import { hasHeader, type Segment, segmentHeaderLength, segmentNumbers, segmentPath } from './segment.ts';

/**
 * Returns the numbers of the segments. Removes the last segment if it has no complete header, because then the broker ended
 * while it created the file. Throws MqError BAD_DATA if a segment is missing.
 */
export async function numbersIn(disk: Disk, folder: string, log: (line: string) => void): Promise<number[]> {
  const numbers = segmentNumbers((await disk.readdir(folder)).map(({ name }) => name));
  numbers.forEach((number, index) => {
    const expected = (numbers[0] ?? 0) + index;
    if (number === expected) return;
    throw new MqError('BAD_DATA', `cannot open the store: ${segmentPath(folder, expected)} is missing`, {
      at: folder,
      hint: 'restore the folder from a backup, or use another folder',
    });
  });
  const last = numbers.at(-1);
  if (last === undefined) return [];
  const path = segmentPath(folder, last);
  const bytes = await disk.readFile(path);
  if (bytes.length > segmentHeaderLength || hasHeader(last, bytes)) return numbers;
  await disk.unlink(path);
  log(`the store: removed ${path}, which does not contain a record`);
  return numbers.slice(0, -1);
}

interface LogEnd {
  /** Content of the file. */
  readonly content: Buffer;
  /** Position of its last batch. Without a batch, the position is 0. */
  readonly lastBatch: number;
}

/** Truncates an incomplete end, and makes everything that was read durable before new records follow. */
export async function truncate(
  disk: Disk,
  { path, bytes }: Segment,
  { content, lastBatch }: LogEnd,
  log: (line: string) => void,
): Promise<void> {
  const { length } = content;
  const file = await disk.open(path, 'r+');
  try {
    // Linux: after a failed sync, the cache has bytes that are not on disk, and a later sync does not write them. If a write has
    // failed before this start, only a new write of the same bytes makes them durable. Only the last batch can have failed,
    // because a batch is written only after the previous one was synced.
    await writeAll(file, [content.subarray(lastBatch, bytes)], lastBatch);
    if (bytes < length) {
      await file.truncate(bytes);
      log(`the store: truncated ${path} to ${bytes} bytes, because its last ${length - bytes} bytes are incomplete`);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  // The writer syncs the folder before the first record. A broker that was killed before that left only the header.
  if (bytes === segmentHeaderLength) await disk.syncFolder(dirname(path));
}
