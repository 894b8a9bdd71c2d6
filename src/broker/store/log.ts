// The store on an append-only log: an index of needed records, a writer with group commit, and compaction.

import { type MqError, systemReason } from '../../errors.ts';
import { Slices } from '../slices.ts';
import { StoreCompaction } from './compaction.ts';
import type { Definition, EnqueueTarget, ReturnCounts, Store, StoredMessage, StoreOptions } from './contract.ts';
import { systemDisk } from './disk.ts';
import type { LiveRecords } from './live-records.ts';
import type { Recovery } from './recovery.ts';
import { Streams } from './stream/streams.ts';
import type { StreamLog, StreamLogOptions } from './stream-log.ts';
import { StoreWriter } from './writer.ts';

interface LogStoreOptions {
  readonly folder: string;
  /** Unlocks the folder. */
  readonly release: () => Promise<void>;
  readonly options: StoreOptions;
}

export class LogStore implements Store {
  readonly recovered: Store['recovered'];
  readonly #index: LiveRecords;
  readonly #writer: StoreWriter;
  readonly #streams: Streams;
  readonly #compaction: StoreCompaction;
  readonly #drops = new Slices();
  readonly #log: (line: string) => void;
  readonly #release: () => Promise<void>;
  #closing: Promise<void> | undefined;

  constructor(
    { index, segments, recovered, returned, sequence, streams }: Recovery,
    { folder, release, options: given }: LogStoreOptions,
  ) {
    const options = { ...given, onFailed: onFirstFailure(given) };
    const { slackBytes = 64 * 1024 * 1024, pauseMs = 2000, disk = systemDisk, log = () => undefined } = options;
    this.recovered = recovered;
    this.#index = index;
    this.#streams = new Streams({
      folder,
      recovered: streams,
      options,
      isEnded: () => this.#isEnded(),
      committed: (done) => this.committed(done),
    });
    // A record may settle a message whose dead letter is in a stream.
    this.#writer = new StoreWriter(folder, { segments, sequence }, options, {
      onWrite: () => this.#streams.onDisk(),
    });
    this.#compaction = new StoreCompaction(index, this.#writer, { folder, disk, slackBytes, pauseMs, log });
    this.#log = log;
    this.#release = release;
    for (const { id, queue, returns } of returned) {
      this.#writer.append((encoder) => encoder.returned(queue, id, returns));
    }
    this.#compaction.startIfDue();
  }

  get pendingBytes(): number {
    return this.#writer.pendingBytes + this.#streams.pendingBytes;
  }

  get failure(): Store['failure'] {
    return this.#writer.failure ?? this.#streams.failure;
  }

  define(definition: Definition): void {
    if (this.#isEnded()) return;
    const { kind, key } = definition;
    const sequence = this.#index.defined(kind, key)?.sequence ?? this.#index.nextSequence;
    const { segment, length } = this.#writer.append((encoder) => encoder.define(sequence, definition));
    this.#index.define(definition, sequence, segment, length);
    this.#compaction.startIfDue();
  }

  undefine(kind: string, key: string): void {
    if (this.#isEnded() || !this.#index.undefine(kind, key)) return;
    this.#writer.append((encoder) => encoder.undefine(kind, key));
    this.#compaction.startIfDue();
  }

  enqueue(message: Omit<StoredMessage, 'id'>, queues: readonly EnqueueTarget[]): number {
    const id = this.#index.nextId;
    this.#index.markUsed(id);
    if (this.#isEnded() || queues.length === 0) return id;
    const { segment, length } = this.#writer.append((encoder) => encoder.message(id, message, queues));
    this.#index.enqueue(id, queues, segment, length);
    this.#compaction.startIfDue();
    return id;
  }

  settle(id: number, queue: string): void {
    if (this.#isEnded() || !this.#index.settle(id, queue)) return;
    this.#writer.settle(queue, id);
    this.#compaction.startIfDue();
  }

  returned(id: number, queue: string, { acquiredCount, deliveryCount }: ReturnCounts): void {
    const returns = { acquiredCount, deliveryCount, order: this.#index.nextReturn };
    if (this.#isEnded() || !this.#index.returned(id, queue, returns)) return;
    this.#writer.append((encoder) => encoder.returned(queue, id, returns));
    this.#compaction.startIfDue();
  }

  drop(queue: string): void {
    const work = this.#isEnded() ? undefined : this.#index.drop(queue);
    if (work === undefined) return;
    this.#writer.append((encoder) => encoder.drop(queue));
    this.#drops.run(work, () => this.#compaction.startIfDue());
  }

  openStream(folder: string, options: StreamLogOptions): StreamLog {
    return this.#streams.open(folder, options);
  }

  keepStreams(folders: ReadonlySet<string>): void {
    this.#streams.deleteOthers(folders);
  }

  committed(done: (error?: Error) => void): void {
    let failure: Error | undefined;
    let left = 1;
    const onDone = (error?: Error) => {
      failure ??= error;
      left--;
      // A failed writer of a deleted stream is not asked any more, but the store has ignored what followed its failure.
      if (left === 0) done(failure ?? this.failure);
    };
    left += this.#streams.committed(onDone);
    this.#writer.committed(onDone);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#compaction.close();
    await this.#streams.close();
    await this.#writer.close();
    await this.#release().catch((error) => this.#log(`the store: cannot unlock the folder: ${systemReason(error)}`));
  }

  /** Returns true after a failure or after `close`. The store then ignores all changes. */
  #isEnded(): boolean {
    return this.failure !== undefined || this.#closing !== undefined;
  }
}

/** Returns a function that reports only the first failure, because several files may fail. */
function onFirstFailure({ onFailed }: StoreOptions): (failure: MqError) => void {
  let hasFailed = false;
  return (failure) => {
    if (!hasFailed) onFailed?.(failure);
    hasFailed = true;
  };
}
