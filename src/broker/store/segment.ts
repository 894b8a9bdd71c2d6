// A segment, which is one file of the log: its name, its header and its records.

import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { MqError } from '../../errors.ts';
import { time } from '../../time.ts';
import { decodeRecord, hasBatchAfter, recordEnd, type StoreRecord } from './record.ts';

const magic = 'mqstore1';
const saltStart = 12;
/** The header consists of the magic, the u32 number, the salt, and their CRC-32. */
export const segmentHeaderLength = 24;

export interface Segment {
  readonly number: number;
  readonly path: string;
  /** Random bytes that identify the batches of this file. */
  readonly salt: Buffer;
  /** The length of the file, including bytes that are not written yet. */
  bytes: number;
  /** The bytes of needed records. */
  liveBytes: number;
}

export function newSegment(folder: string, number: number): Segment {
  const bytes = segmentHeaderLength;
  return { number, path: segmentPath(folder, number), salt: time.randomBytes(8), bytes, liveBytes: 0 };
}

export function segmentHeader({ number, salt }: Pick<Segment, 'number' | 'salt'>): Buffer {
  const header = Buffer.alloc(segmentHeaderLength);
  header.write(magic);
  header.writeUInt32BE(number, 8);
  salt.copy(header, saltStart);
  header.writeUInt32BE(crc32(header.subarray(0, -4)), segmentHeaderLength - 4);
  return header;
}

/** Returns true if the file of a segment begins with a complete header. */
export function hasHeader(number: number, bytes: Buffer): boolean {
  const salt = bytes.subarray(saltStart, saltStart + 8);
  return segmentHeader({ number, salt }).equals(bytes.subarray(0, segmentHeaderLength));
}

/** Returns the segment of a file with these bytes. Throws MqError BAD_DATA if its header is invalid. */
export function segmentOf(folder: string, number: number, bytes: Buffer): Segment {
  const salt = Buffer.from(bytes.subarray(saltStart, saltStart + 8));
  const segment = { number, path: segmentPath(folder, number), salt, bytes: bytes.length, liveBytes: 0 };
  if (!hasHeader(number, bytes)) {
    throw new MqError('BAD_DATA', `cannot open the store: ${segment.path} has an invalid header`, {
      at: segment.path,
      hint: 'restore the folder from a backup, or use another folder',
    });
  }
  return segment;
}

export function segmentPath(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(10, '0')}.log`);
}

/** Returns the numbers of the segments among the files of a folder, in ascending order. */
export function segmentNumbers(files: readonly string[]): number[] {
  const numbers = files.filter((file) => /^\d{10}\.log$/.test(file)).map((file) => Number.parseInt(file, 10));
  return numbers.sort((a, b) => a - b);
}

/**
 * Calls `onRecord` for each record in order. Returns the length without an incomplete end. Throws MqError BAD_DATA for a
 * damaged record. In the last segment, a damaged record that no batch follows is an incomplete end, because a batch is
 * written only after the previous one was synced.
 */
export function readSegment(
  segment: Segment,
  bytes: Buffer,
  { isLast, onRecord }: { isLast: boolean; onRecord: (record: StoreRecord, offset: number, end: number) => void },
): number {
  let offset = segmentHeaderLength;
  while (offset < bytes.length) {
    const end = recordEnd(bytes, offset);
    if (end === undefined) {
      if (isLast && !hasBatchAfter(bytes, offset, segment.salt)) return offset;
      throw damaged(segment, offset, 'damaged record');
    }
    const record = decodeRecord(bytes, offset, end);
    if (record === undefined) throw damaged(segment, offset, 'unknown type of record');
    onRecord(record, offset, end);
    offset = end;
  }
  return offset;
}

function damaged({ path }: Segment, offset: number, what: string): MqError {
  return new MqError('BAD_DATA', `cannot open the store: ${what} at byte ${offset} of ${path}`, {
    at: path,
    hint: `restore the folder from a backup; to discard this record and all that follow in this file: truncate -s ${offset} '${path}'`,
  });
}
