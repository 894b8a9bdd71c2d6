// Reads records of a segment of a stream from its file.

import { MqError } from '../../../errors.ts';
import type { DiskFile } from '../disk.ts';
import { decodeEntry, decodeRecord, headLength, recordEnd } from '../record.ts';
import type { StreamRecord } from '../stream-log.ts';

/** The number of bytes that are read ahead. A longer record is read whole. */
const readBytes = 64 * 1024;

interface PositionedRecord extends StreamRecord {
  readonly position: number;
}

/**
 * Reads the messages between two positions, as many as fit into 64 KiB, but at least one. Returns them with the position
 * after the last one. Throws MqError BAD_DATA if a record is damaged.
 */
export async function readRecords(
  { file, path }: { file: DiskFile; path: string },
  { position, end }: { position: number; end: number },
): Promise<{ records: PositionedRecord[]; position: number }> {
  let bytes = await readAt(file, position, Math.min(readBytes, end - position));
  for (;;) {
    const records: PositionedRecord[] = [];
    let at = 0;
    for (let next = recordEnd(bytes, at); next !== undefined; next = recordEnd(bytes, at)) {
      const record = decodeRecord(bytes, at, next);
      if (record?.type === 'entry') records.push({ ...decodeEntry(bytes, record, next), position: position + at });
      else if (record?.type !== 'batch') throw damaged(path, position + at);
      at = next;
    }
    if (records.length > 0 || position + bytes.length >= end) {
      if (at === 0) throw damaged(path, position);
      return { records, position: position + at };
    }
    // The first message is longer than the buffer.
    const length = at + headLength > bytes.length ? 0 : bytes.readUInt32BE(at);
    const needed = Math.max(at + headLength + length, bytes.length * 2);
    bytes = await readAt(file, position, Math.min(needed, end - position));
  }
}

async function readAt(file: DiskFile, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  let used = 0;
  while (used < length) {
    const { bytesRead } = await file.read(buffer, used, length - used, position + used);
    if (bytesRead === 0) break;
    used += bytesRead;
  }
  return buffer.subarray(0, used);
}

function damaged(path: string, position: number): MqError {
  return new MqError('BAD_DATA', `cannot read a stream: damaged record at byte ${position} of ${path}`, {
    at: path,
    hint: 'restore the folder from a backup, or delete the stream',
  });
}
