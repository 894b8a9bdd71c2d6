// One file of the log: its name, its header, and the reading of its records.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { MqError } from '../../errors.ts';
import { decodeRecord, hasBatchAfter, recordEnd, type StoreRecord } from './record.ts';

const magic = 'mqstore1';
const saltStart = 12;
/** Magic, u32 number, salt, CRC-32 of these. */
export const segmentHeaderLength = 24;

export interface Segment {
  readonly number: number;
  readonly path: string;
  /** Tells the batches of this file from bytes that only look like one. */
  readonly salt: Buffer;
  /** With what is still to be written. */
  bytes: number;
  /** Of `bytes`, how many are in records that are needed. */
  liveBytes: number;
}

export function newSegment(folder: string, number: number): Segment {
  const bytes = segmentHeaderLength;
  return { number, path: segmentPath(folder, number), salt: randomBytes(8), bytes, liveBytes: 0 };
}

export function segmentHeader({ number, salt }: Segment): Buffer {
  const header = Buffer.alloc(segmentHeaderLength);
  header.write(magic);
  header.writeUInt32BE(number, 8);
  salt.copy(header, saltStart);
  header.writeUInt32BE(crc32(header.subarray(0, -4)), segmentHeaderLength - 4);
  return header;
}

/** The segment whose file holds `bytes`. Throws MqError BAD_DATA when the header is not that of this number. */
export function segmentOf(folder: string, number: number, bytes: Buffer): Segment {
  const salt = Buffer.from(bytes.subarray(saltStart, saltStart + 8));
  const segment = { number, path: segmentPath(folder, number), salt, bytes: bytes.length, liveBytes: 0 };
  if (!segmentHeader(segment).equals(bytes.subarray(0, segmentHeaderLength))) {
    throw new MqError('BAD_DATA', `opening the store: ${segment.path} does not begin as a file of this store does`, {
      at: segment.path,
      hint: 'restore the folder from a copy, or start with another folder',
    });
  }
  return segment;
}

export function segmentPath(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(10, '0')}.log`);
}

/** The numbers of the segments among a folder's files, ascending. */
export function segmentNumbers(files: readonly string[]): number[] {
  const numbers = files.filter((file) => /^\d{10}\.log$/.test(file)).map((file) => Number.parseInt(file, 10));
  return numbers.sort((a, b) => a - b);
}

/**
 * Calls back for every record in order; gives the length of what is whole. Throws MqError BAD_DATA for a bad record,
 * unless it is the torn end of the log: only what follows the last sync can be torn, and the next batch is not begun
 * before the sync of the one before has ended.
 */
export function readSegment(
  segment: Segment,
  bytes: Buffer,
  { isLast, take }: { isLast: boolean; take: (record: StoreRecord, offset: number, end: number) => void },
): number {
  let offset = segmentHeaderLength;
  while (offset < bytes.length) {
    const end = recordEnd(bytes, offset);
    if (end === undefined) {
      if (isLast && !hasBatchAfter(bytes, offset, segment.salt)) return offset;
      throw damaged(segment, offset, 'a record is damaged');
    }
    const record = decodeRecord(bytes, offset, end);
    if (record === undefined) throw damaged(segment, offset, 'a record is of a kind that this version does not know');
    take(record, offset, end);
    offset = end;
  }
  return offset;
}

function damaged({ path }: Segment, offset: number, what: string): MqError {
  return new MqError('BAD_DATA', `opening the store: ${what} at byte ${offset} of ${path}`, {
    at: path,
    hint: `restore the folder from a copy; or, to give up this record and what follows it in this file: truncate -s ${offset} '${path}'`,
  });
}
