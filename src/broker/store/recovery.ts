// Opens an existing log: builds the index, truncates an incomplete end, and reads the needed records.

import { open, readdir, readFile, unlink } from 'node:fs/promises';
import { MqError } from '../../errors.ts';
import { atOnce } from '../slices.ts';
import type { Store, StoredEntry, StoreOptions } from './contract.ts';
import { LiveRecords } from './live-records.ts';
import { decodeMessage, type StoreRecord } from './record.ts';
import { readSegment, type Segment, segmentHeaderLength, segmentNumbers, segmentOf, segmentPath } from './segment.ts';

export interface Recovery {
  readonly index: LiveRecords;
  /** Oldest first. */
  readonly segments: Segment[];
  readonly recovered: Store['recovered'];
  /** The sequence of the next batch. */
  readonly sequence: number;
}

/** Reads the folder of a store. Throws MqError BAD_DATA if a file is damaged, and the errors of node:fs. */
export async function recover(folder: string, { log = () => undefined }: StoreOptions): Promise<Recovery> {
  const index = new LiveRecords();
  const segments: Segment[] = [];
  let sequence = 1;
  const numbers = await numbersIn(folder, log);
  for (const number of numbers) {
    const bytes = await readFile(segmentPath(folder, number));
    const segment = segmentOf(folder, number, bytes);
    const isLast = number === numbers.at(-1);
    const onRecord = (record: StoreRecord, offset: number, end: number) => {
      if (record.type === 'batch') sequence = record.sequence + 1;
      else apply(index, record, segment, end - offset);
    };
    segment.bytes = readSegment(segment, bytes, { isLast, onRecord });
    if (isLast) await truncate(segment, bytes.length, log);
    segments.push(segment);
  }
  return { index, segments, sequence, recovered: await contentsOf(index, segments) };
}

function apply(index: LiveRecords, record: Exclude<StoreRecord, { type: 'batch' }>, segment: Segment, length: number) {
  switch (record.type) {
    case 'define':
      return index.define(record.definition, record.sequence, segment, length);
    case 'undefine':
      return index.undefine(record.kind, record.key);
    case 'message':
      return index.enqueue(record.id, record.queues, segment, length);
    case 'settle':
      for (const id of record.ids) index.settle(id, record.queue);
      return;
    case 'returned':
      return index.returned(record.id, record.queue, record.returns);
    case 'drop': {
      const work = index.drop(record.queue);
      return work && atOnce(work);
    }
  }
}

/**
 * Returns the numbers of the segments. Removes the last segment if it has no complete header, because then the broker ended
 * while it created the file. Throws MqError BAD_DATA if a segment is missing.
 */
async function numbersIn(folder: string, log: (line: string) => void): Promise<number[]> {
  const numbers = segmentNumbers(await readdir(folder));
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
  const bytes = await readFile(path);
  if (bytes.length > segmentHeaderLength || (bytes.length === segmentHeaderLength && bytes.some((byte) => byte !== 0)))
    return numbers;
  await unlink(path);
  log(`the store: removed ${path}, which does not contain a record`);
  return numbers.slice(0, -1);
}

/** Truncates an incomplete end, and syncs the file, so that everything that was read is on disk before new records follow. */
async function truncate({ path, bytes }: Segment, length: number, log: (line: string) => void): Promise<void> {
  const file = await open(path, 'r+');
  try {
    if (bytes < length) {
      await file.truncate(bytes);
      log(`the store: truncated ${path} to ${bytes} bytes, because its last ${length - bytes} bytes are incomplete`);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Reads the definitions and messages of the index. */
async function contentsOf(index: LiveRecords, segments: readonly Segment[]): Promise<Store['recovered']> {
  const entries: StoredEntry[] = [];
  for (const segment of segments) {
    if (segment.liveBytes === 0) continue;
    const bytes = (await readFile(segment.path)).subarray(0, segment.bytes);
    const onRecord = (record: StoreRecord, _offset: number, end: number) => {
      if (record.type !== 'message') return;
      const queues = index.queuesIn(segment, record);
      if (queues.length === 0) return;
      const message = decodeMessage(bytes, record, end);
      for (const each of queues) entries.push({ message, ...each });
    };
    readSegment(segment, bytes, { isLast: false, onRecord });
  }
  entries.sort((a, b) => a.message.id - b.message.id);
  const defined = [...index.definitions()].sort((a, b) => a.sequence - b.sequence);
  return { definitions: defined.map(({ definition }) => definition), entries };
}
