// The store over an append-only log: an index of what is needed, a writer with group commit, cleaning of the oldest end.

import { Slices } from '../slices.ts';
import { StoreCleaning } from './compaction.ts';
import type { Definition, Destination, ReturnCounts, Store, StoredMessage, StoreOptions } from './contract.ts';
import type { StoreIndex } from './live-records.ts';
import { neverReturned } from './record.ts';
import type { Recovery } from './recovery.ts';
import { StoreWriter } from './writer.ts';

interface LogStoreSetting {
  readonly folder: string;
  /** Gives the folder free. */
  readonly release: () => Promise<void>;
  readonly options: StoreOptions;
}

export class LogStore implements Store {
  readonly recovered: Store['recovered'];
  readonly #index: StoreIndex;
  readonly #writer: StoreWriter;
  readonly #cleaning: StoreCleaning;
  readonly #drops = new Slices();
  readonly #release: () => Promise<void>;
  #closing: Promise<void> | undefined;

  constructor({ index, segments, recovered, sequence }: Recovery, { folder, release, options }: LogStoreSetting) {
    const { slackBytes = 64 * 1024 * 1024, pauseMs = 2000, log = () => undefined } = options;
    this.recovered = recovered;
    this.#index = index;
    this.#writer = new StoreWriter(folder, segments, sequence, options);
    this.#cleaning = new StoreCleaning(index, this.#writer, { folder, slackBytes, pauseMs, log });
    this.#release = release;
    this.#cleaning.consider();
  }

  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  get failure(): Store['failure'] {
    return this.#writer.failure;
  }

  define(definition: Definition): void {
    if (this.#isOver()) return;
    const { kind, key } = definition;
    const sequence = this.#index.defined(kind, key)?.sequence ?? this.#index.nextSequence;
    const { segment, length } = this.#writer.append((encoder) => encoder.define(sequence, definition));
    this.#index.define(definition, sequence, segment, length);
    this.#cleaning.consider();
  }

  undefine(kind: string, key: string): void {
    if (this.#isOver() || !this.#index.undefine(kind, key)) return;
    this.#writer.append((encoder) => encoder.undefine(kind, key));
    this.#cleaning.consider();
  }

  enqueue(message: Omit<StoredMessage, 'id'>, queues: readonly Destination[]): number {
    const id = this.#index.nextId;
    this.#index.sawId(id);
    if (this.#isOver() || queues.length === 0) return id;
    const places = queues.map(({ queue, expiresAt }) => ({ queue, expiresAt, returns: neverReturned }));
    const { segment, length } = this.#writer.append((encoder) => encoder.message({ ...message, id }, places));
    this.#index.enqueue(id, places, segment, length);
    this.#cleaning.consider();
    return id;
  }

  settle(id: number, queue: string): void {
    if (this.#isOver() || !this.#index.settle(id, queue)) return;
    this.#writer.settle(queue, id);
    this.#cleaning.consider();
  }

  returned(id: number, queue: string, { acquiredCount, deliveryCount }: ReturnCounts): void {
    const returns = { acquiredCount, deliveryCount, order: this.#index.nextReturn };
    if (this.#isOver() || !this.#index.returned(id, queue, returns)) return;
    this.#writer.append((encoder) => encoder.returned(queue, id, returns));
    this.#cleaning.consider();
  }

  drop(queue: string): void {
    const work = this.#isOver() ? undefined : this.#index.drop(queue);
    if (work === undefined) return;
    this.#writer.append((encoder) => encoder.drop(queue));
    this.#drops.run(work, () => this.#cleaning.consider());
  }

  committed(done: (error?: Error) => void): void {
    this.#writer.committed(done);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#cleaning.close();
    await this.#writer.close();
    await this.#release();
  }

  /** Nothing that follows a failure or the close is kept; what asks for `committed` hears of the failure. */
  #isOver(): boolean {
    return this.#writer.failure !== undefined || this.#closing !== undefined;
  }
}
