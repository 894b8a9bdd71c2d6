// Opens what a broker left behind: reads the log into an index, cuts a torn end, then fetches what is needed.

import { open, readdir, readFile, unlink } from 'node:fs/promises';
import { MqError } from '../../errors.ts';
import { atOnce } from '../slices.ts';
import type { Store, StoredEntry, StoreOptions } from './contract.ts';
import { StoreIndex } from './live-records.ts';
import { decodeMessage, type StoreRecord } from './record.ts';
import { readSegment, type Segment, segmentHeaderLength, segmentNumbers, segmentOf, segmentPath } from './segment.ts';

export interface Recovery {
  readonly index: StoreIndex;
  /** Oldest first. */
  readonly segments: Segment[];
  readonly recovered: Store['recovered'];
  /** The next batch's. */
  readonly sequence: number;
}

/** Reads a store's folder. Throws MqError BAD_DATA for damage, or what node:fs throws. */
export async function recover(folder: string, { log = () => undefined }: StoreOptions): Promise<Recovery> {
  const index = new StoreIndex();
  const segments: Segment[] = [];
  let sequence = 1;
  const numbers = await numbersIn(folder, log);
  for (const number of numbers) {
    const bytes = await readFile(segmentPath(folder, number));
    const segment = segmentOf(folder, number, bytes);
    const isLast = number === numbers.at(-1);
    const take = (record: StoreRecord, offset: number, end: number) => {
      if (record.type === 'batch') sequence = record.sequence + 1;
      else apply(index, record, segment, end - offset);
    };
    segment.bytes = readSegment(segment, bytes, { isLast, take });
    if (isLast) await cut(segment, bytes.length, log);
    segments.push(segment);
  }
  return { index, segments, sequence, recovered: await fetch(index, segments) };
}

function apply(index: StoreIndex, record: Exclude<StoreRecord, { type: 'batch' }>, segment: Segment, length: number) {
  switch (record.type) {
    case 'define':
      return index.define(record.definition, record.sequence, segment, length);
    case 'undefine':
      return index.undefine(record.kind, record.key);
    case 'message':
      return index.enqueue(record.id, record.places, segment, length);
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

/** The segments that are there, without gaps. A last one that is shorter than its header was being made: it is removed. */
async function numbersIn(folder: string, log: (line: string) => void): Promise<number[]> {
  const numbers = segmentNumbers(await readdir(folder));
  numbers.forEach((number, place) => {
    const expected = (numbers[0] ?? 0) + place;
    if (number === expected) return;
    throw new MqError('BAD_DATA', `opening the store: ${segmentPath(folder, expected)} is missing`, {
      at: folder,
      hint: 'restore the folder from a copy, or start with another folder',
    });
  });
  const last = numbers.at(-1);
  if (last === undefined) return [];
  const path = segmentPath(folder, last);
  const bytes = await readFile(path);
  if (bytes.length > segmentHeaderLength || (bytes.length === segmentHeaderLength && bytes.some((byte) => byte !== 0)))
    return numbers;
  await unlink(path);
  log(`the store: ${path} was not begun when the broker ended; removed`);
  return numbers.slice(0, -1);
}

/** Cuts the torn end, and sees to it that what was read is on disk before anything builds on it. */
async function cut({ path, bytes }: Segment, length: number, log: (line: string) => void): Promise<void> {
  const file = await open(path, 'r+');
  try {
    if (bytes < length) {
      await file.truncate(bytes);
      log(`the store: the last ${length - bytes} bytes of ${path} were torn, from byte ${bytes}; cut`);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

/** The contents of what the index holds. */
async function fetch(index: StoreIndex, segments: readonly Segment[]): Promise<Store['recovered']> {
  const entries: StoredEntry[] = [];
  for (const segment of segments) {
    if (segment.liveBytes === 0) continue;
    const bytes = (await readFile(segment.path)).subarray(0, segment.bytes);
    const take = (record: StoreRecord, _offset: number, end: number) => {
      if (record.type !== 'message') return;
      const places = index.placesIn(segment, record);
      if (places.length === 0) return;
      const message = decodeMessage(bytes, record, end);
      for (const place of places) entries.push({ message, ...place });
    };
    readSegment(segment, bytes, { isLast: false, take });
  }
  entries.sort((a, b) => a.message.id - b.message.id);
  const defined = [...index.definitions()].sort((a, b) => a.sequence - b.sequence);
  return { definitions: defined.map(({ definition }) => definition), entries };
}
