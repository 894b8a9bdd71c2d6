// Opens an existing log: builds the index, truncates an incomplete end, and reads the needed records.

import { atOnce } from '../slices.ts';
import type { Returns, Store, StoredEntry, StoreOptions } from './contract.ts';
import { type Disk, systemDisk } from './disk.ts';
import { LiveRecords } from './live-records.ts';
import { numbersIn, truncate } from './log-files.ts';
import { decodeMessage, type StoreRecord } from './record.ts';
import { readSegment, type Segment, segmentOf, segmentPath } from './segment.ts';
import { type RecoveredStream, recoverStreams } from './stream/recovery.ts';

export interface Recovery {
  readonly index: LiveRecords;
  /** Oldest first. */
  readonly segments: Segment[];
  readonly recovered: Store['recovered'];
  /** Returns whose records are before the record of their message. The store must append them again. */
  readonly returned: readonly ReturnedMessage[];
  /** The sequence of the next batch. */
  readonly sequence: number;
  /** The streams by the names of their folders. */
  readonly streams: Map<string, RecoveredStream>;
}

interface ReturnedMessage {
  readonly id: number;
  readonly queue: string;
  readonly returns: Returns;
}

/** Reads the folder of a store. Throws MqError BAD_DATA if a file is damaged, and the errors of node:fs. */
export async function recover(
  folder: string,
  { disk = systemDisk, log = () => undefined }: StoreOptions,
): Promise<Recovery> {
  const index = new LiveRecords();
  const segments: Segment[] = [];
  const returned = new UnfinishedReturns(index);
  let sequence = 1;
  const numbers = await numbersIn(disk, folder, log);
  for (const number of numbers) {
    const bytes = await disk.readFile(segmentPath(folder, number));
    const segment = segmentOf(folder, number, bytes);
    const isLast = number === numbers.at(-1);
    let lastBatch = 0;
    const onRecord = (record: StoreRecord, offset: number, end: number) => {
      if (record.type === 'batch') [sequence, lastBatch] = [record.sequence + 1, offset];
      else apply({ index, returned }, record, segment, end - offset);
    };
    segment.bytes = readSegment(segment, bytes, { isLast, onRecord });
    if (isLast) await truncate(disk, segment, { content: bytes, lastBatch }, log);
    segments.push(segment);
  }
  const streams = await recoverStreams(disk, folder, log);
  const recovered = await contentsOf(disk, index, segments);
  return { index, segments, sequence, streams, recovered, returned: returned.list() };
}

/**
 * Collects the returns of messages that compaction has written again. If the broker ended before compaction wrote the records
 * of the returns too, they are only in front of the message, and the deletion of its first record would make them void.
 */
class UnfinishedReturns {
  readonly #index: LiveRecords;
  readonly #queues = new Map<number, Set<string>>();

  constructor(index: LiveRecords) {
    this.#index = index;
  }

  add(id: number, queues: readonly string[]): void {
    if (queues.length > 0) this.#queues.set(id, new Set(queues));
  }

  finish(id: number, queue: string): void {
    this.#queues.get(id)?.delete(queue);
  }

  list(): ReturnedMessage[] {
    return [...this.#queues].flatMap(([id, queues]) =>
      [...queues].flatMap((queue) => {
        const returns = this.#index.returnsOf(id, queue);
        return returns === undefined ? [] : [{ id, queue, returns }];
      }),
    );
  }
}

function apply(
  { index, returned }: { index: LiveRecords; returned: UnfinishedReturns },
  record: Exclude<StoreRecord, { type: 'batch' }>,
  segment: Segment,
  length: number,
) {
  switch (record.type) {
    case 'define':
      return index.define(record.definition, record.sequence, segment, length);
    case 'undefine':
      return index.undefine(record.kind, record.key);
    case 'message':
      return returned.add(record.id, index.enqueue(record.id, record.queues, segment, length));
    case 'settle':
      for (const id of record.ids) index.settle(id, record.queue);
      return;
    case 'returned':
      returned.finish(record.id, record.queue);
      return index.returned(record.id, record.queue, record.returns);
    case 'entry':
      // The messages of streams are in folders of their own.
      return;
    case 'drop': {
      const work = index.drop(record.queue);
      return work && atOnce(work);
    }
  }
}

/** Reads the definitions and messages of the index. */
async function contentsOf(disk: Disk, index: LiveRecords, segments: readonly Segment[]): Promise<Store['recovered']> {
  const entries: StoredEntry[] = [];
  for (const segment of segments) {
    if (segment.liveBytes === 0) continue;
    const bytes = (await disk.readFile(segment.path)).subarray(0, segment.bytes);
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
