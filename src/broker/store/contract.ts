// The interface of the store. It keeps durable definitions, and persistent messages in durable queues.

import type { MqError } from '../../errors.ts';
import type { Disk } from './disk.ts';
import type { StreamLog, StreamLogOptions, StreamMessage } from './stream-log.ts';

/** The definition of a durable object: an exchange, a queue, a binding, a user, and so on. Kind and key identify it. */
export interface Definition {
  readonly kind: string;
  readonly key: string;
  /** A value that can be written as JSON. */
  readonly value: unknown;
}

/** The reason for which a message leaves a queue without an acknowledgement, as in the header `x-death`. */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

/** The deaths of a message in one queue for one reason. */
export interface Death {
  readonly queue: string;
  readonly reason: DeathReason;
  readonly exchange: string;
  readonly routingKeys: readonly string[];
  readonly count: number;
  /** The time of the first of these deaths, in milliseconds since 1970. */
  readonly time: number;
  readonly originalExpiration: string | undefined;
}

/**
 * Facts about a message that the broker itself has established. They are separate from the content, because any client may
 * send headers such as `x-death` and `CC`.
 */
export interface StoredMarks {
  readonly deaths?: readonly Death[] | undefined;
  /** Routing keys from the headers CC and BCC. */
  readonly moreKeys?: readonly string[] | undefined;
  /** Routing keys from the header BCC. */
  readonly hiddenKeys?: readonly string[] | undefined;
}

/** A persistent message that was enqueued in durable queues. */
export interface StoredMessage extends StoredMarks, StreamMessage {
  /** Unique in the store. It grows with each enqueued message. */
  readonly id: number;
}

/** A message in one queue. Entries of one message share its `message` object. */
export interface StoredEntry {
  readonly message: StoredMessage;
  /** The key of the queue. */
  readonly queue: string;
  readonly returns: Returns;
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined;
}

/** The number of returns of a message to a queue. */
export interface ReturnCounts {
  readonly acquiredCount: number;
  /** The returns that count as failures. */
  readonly deliveryCount: number;
}

export interface Returns extends ReturnCounts {
  /** Grows with each return in the store. 0 if the message never came back, or if an older version recorded the return. */
  readonly order: number;
}

/** One of the queues in which a message is enqueued. */
export interface EnqueueTarget {
  readonly queue: string;
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined;
}

/**
 * The store of one broker. Its methods do not throw or wait, because they only append to memory. A write to disk follows.
 * After a failed write or sync, the store writes nothing more, and each `committed` reports the error.
 */
export interface Store {
  /**
   * The contents of the store when it was opened. Definitions are in the order in which they were first defined, entries in
   * the order in which they were enqueued. The caller may empty both arrays to free the memory.
   */
  readonly recovered: { definitions: Definition[]; entries: StoredEntry[] };
  /** Adds a definition, or replaces the value for its kind and key. */
  define(definition: Definition): void;
  undefine(kind: string, key: string): void;
  /** Appends a message for one or more queues. Returns its id. `content` must not change afterwards. */
  enqueue(message: Omit<StoredMessage, 'id'>, queues: readonly EnqueueTarget[]): number;
  /** Records that a message has left the queue. Ignores a message that is not in the queue. */
  settle(id: number, queue: string): void;
  /** Records that a message came back to its queue, with the new counts. */
  returned(id: number, queue: string, counts: ReturnCounts): void;
  /** Records that all messages have left the queue, because it was deleted. */
  drop(queue: string): void;
  /**
   * Opens the log of a stream in the folder of this name. Creates it if it does not exist. A log writes to its own files, but
   * what `committed`, `pendingBytes` and `failure` report includes it.
   */
  openStream(folder: string, options: StreamLogOptions): StreamLog;
  /** Deletes the logs that were recovered and not opened, except for those in these folders. */
  keepStreams(folders: ReadonlySet<string>): void;
  /** Calls `done` when everything that was appended before is on disk, or the store has failed, but never within this call. */
  committed(done: (error?: Error) => void): void;
  /** Bytes that are not on disk yet. Publishers without confirms can be faster than the disk. */
  readonly pendingBytes: number;
  /** The error after which the store writes nothing more. */
  readonly failure: MqError | undefined;
  /** Writes everything that is pending and unlocks the folder. Never rejects, because `log` and `committed` report failures. */
  close(): Promise<void>;
}

export interface StoreOptions {
  /** The id of this process, for the lock file. */
  readonly pid: number;
  /** Returns true if a process with this id runs on this machine. */
  readonly isAlive: (pid: number) => boolean;
  /** Ignores the lock of a process on another host. The user must know that it has ended. Defaults to false. */
  readonly breaksLock?: boolean | undefined;
  /** The name of this machine, for the lock file. Defaults to the host name. */
  readonly host?: string;
  /** Defaults to the disk of this machine. */
  readonly disk?: Disk;
  /** Receives one line for the operator, for example about a damaged end of the log. */
  readonly log?: (line: string) => void;
  /** Called once when the store has failed. The broker cannot continue without a restart. */
  readonly onFailed?: (failure: MqError) => void;
  /** The log continues in a new file after this number of bytes. Defaults to 16 MiB. */
  readonly segmentBytes?: number;
  /** Compaction starts when the log is larger than twice its needed records plus this number of bytes. Defaults to 64 MiB. */
  readonly slackBytes?: number;
  /** Milliseconds until compaction starts again after an error, doubled after each further error. Defaults to 2,000. */
  readonly pauseMs?: number;
}
