// Opens the logs of existing streams. It reads the newest segment of each log whole, and truncates an incomplete end. Of the
// older ones it reads only the first message, because a stream may be larger than the memory.

import { join } from 'node:path';
import { systemCode } from '../../../errors.ts';
import type { Disk } from '../disk.ts';
import { numbersIn, truncate } from '../log-files.ts';
import type { StoreRecord } from '../record.ts';
import { readSegment, type Segment, segmentHeaderLength, segmentOf, segmentPath } from '../segment.ts';
import { readRecords } from './records.ts';
import { addToIndex, type StreamSegment } from './segments.ts';

export interface RecoveredStream {
  /** The oldest first. */
  readonly segments: StreamSegment[];
  readonly nextOffset: number;
  /** The sequence of the next batch. */
  readonly sequence: number;
}

/** The contents of a segment that was read whole. */
interface Scan {
  readonly segment: Segment;
  /** The offset of its first message, and the one after its last message; `undefined` if it has no message. */
  readonly offsets: { readonly first: number; readonly next: number } | undefined;
  /** The arrival of its first message. */
  readonly firstTime: number | undefined;
  readonly newestTime: number;
  readonly index: StreamSegment['index'];
  readonly sequence: number;
}

/** The folder of the streams in the folder of the store. Each stream has a folder of its own there. */
export const streamsFolder = 'streams';

/** Returns the streams of a store, by the names of their folders. Throws MqError BAD_DATA if a file is damaged. */
export async function recoverStreams(
  disk: Disk,
  folder: string,
  log: (line: string) => void,
): Promise<Map<string, RecoveredStream>> {
  const streams = new Map<string, RecoveredStream>();
  const parent = join(folder, streamsFolder);
  for (const id of await foldersIn(disk, parent)) streams.set(id, await recoverStream(disk, join(parent, id), log));
  return streams;
}

async function foldersIn(disk: Disk, parent: string): Promise<string[]> {
  try {
    const entries = await disk.readdir(parent);
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function recoverStream(disk: Disk, folder: string, log: (line: string) => void): Promise<RecoveredStream> {
  const numbers = await numbersIn(disk, folder, log);
  const scans: Scan[] = [];
  // The newest segment may not have a message yet. Then the offset of the next message follows from the segment before it.
  for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) {
    const scan = await scanned(disk, folder, number, { isLast: scans.length === 0, log });
    scans.unshift(scan);
    if (scan.offsets !== undefined) break;
  }
  const nextOffset = scans[0]?.offsets?.next ?? 0;
  const segments = scans.map(({ segment, offsets, newestTime, index }) => {
    return { segment, firstOffset: offsets?.first ?? nextOffset, newestTime, writtenBytes: segment.bytes, index };
  });
  let nextTime = scans[0]?.firstTime;
  for (const number of numbers.reverse()) {
    const { segment, time } = await olderSegment(disk, folder, number, nextTime);
    segments.unshift(segment);
    nextTime = time;
  }
  return { segments, nextOffset, sequence: Math.max(1, ...scans.map(({ sequence }) => sequence)) };
}

async function scanned(
  disk: Disk,
  folder: string,
  number: number,
  { isLast, log }: { isLast: boolean; log: (line: string) => void },
): Promise<Scan> {
  const bytes = await disk.readFile(segmentPath(folder, number));
  const segment = segmentOf(folder, number, bytes);
  const index: StreamSegment['index'] = [];
  let offsets: Scan['offsets'];
  let firstTime: number | undefined;
  let [newestTime, sequence, lastBatch] = [-Infinity, 1, 0];
  const onRecord = (record: StoreRecord, position: number) => {
    if (record.type === 'batch') [sequence, lastBatch] = [record.sequence + 1, position];
    if (record.type !== 'entry') return;
    const { offset, time } = record;
    offsets = { first: offsets?.first ?? offset, next: offset + 1 };
    firstTime ??= time;
    newestTime = time;
    addToIndex({ index }, offset, position);
  };
  segment.bytes = readSegment(segment, bytes, { isLast, onRecord });
  if (isLast) await truncate(disk, segment, { content: bytes, lastBatch }, log);
  return { segment, offsets, firstTime, newestTime, index, sequence };
}

/**
 * Returns a segment of which only the first message is read, and the time of that message. The newest message of the
 * segment arrived at `nextTime` at the latest, because that is when the first message of the following segment arrived.
 */
async function olderSegment(
  disk: Disk,
  folder: string,
  number: number,
  nextTime = -Infinity,
): Promise<{ segment: StreamSegment; time: number }> {
  const path = segmentPath(folder, number);
  const file = await disk.open(path, 'r');
  try {
    const header = Buffer.alloc(segmentHeaderLength);
    await file.read(header, 0, header.length, 0);
    const segment = segmentOf(folder, number, header);
    segment.bytes = (await file.stat()).size;
    const { records } = await readRecords({ file, path }, { position: segmentHeaderLength, end: segment.bytes });
    const [first] = records;
    if (first === undefined) throw new Error(`${path} has no message`);
    const { offset, time, position } = first;
    const index = [{ offset, position }];
    // The clock may have been set back between the two segments.
    const newestTime = Math.max(time, nextTime);
    return { segment: { segment, firstOffset: offset, newestTime, writtenBytes: segment.bytes, index }, time };
  } finally {
    await file.close();
  }
}
