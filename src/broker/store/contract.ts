// The store as the rest of the broker uses it: durable definitions, and the persistent messages in durable queues.

import type { MqError } from '../../errors.ts';

/** A durable queue's or exchange's definition, a binding, a vhost, a user …: kind + key → JSON. */
export interface Definition {
  readonly kind: string;
  readonly key: string;
  readonly value: unknown;
}

/** Why a message leaves a queue without having been acknowledged: the reasons of `x-death`. */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit';

/** How often a message died in one queue for one reason. */
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
 * What the broker itself knows of a message. It is kept beside the content, because headers such as `x-death` and `CC`
 * may come from any client.
 */
export interface StoredMarks {
  /** As `Message` has it; JSON. */
  readonly deaths?: readonly Death[] | undefined;
  readonly moreKeys?: readonly string[] | undefined;
  readonly hiddenKeys?: readonly string[] | undefined;
}

/** One persistent message as it was enqueued in durable queues. */
export interface StoredMessage extends StoredMarks {
  /** Grows with every enqueue; unique in the store. */
  readonly id: number;
  readonly exchange: string;
  readonly routingKey: string;
  /** The content header's property bytes followed by the body. */
  readonly content: Buffer;
  readonly propertiesLength: number;
}

/** A message in one queue. Entries of one message share its `message` object. */
export interface StoredEntry {
  readonly message: StoredMessage;
  /** The key that `enqueue` was given. */
  readonly queue: string;
  readonly returns: Returns;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
}

/** How often a message came back to a queue. */
export interface ReturnCounts {
  readonly acquiredCount: number;
  /** The number of returns that count as failures. */
  readonly deliveryCount: number;
}

export interface Returns extends ReturnCounts {
  /** Grows with every return in the store. 0: the message has never come back. */
  readonly order: number;
}

/** One queue that a message goes to. */
export interface Destination {
  readonly queue: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number | undefined;
}

/**
 * The store of one broker. Its methods never throw and never wait: they append to memory, and the disk follows. Once a
 * write or a sync has failed the store has failed for good: nothing that follows is written, and every `committed` gets the error.
 */
export interface Store {
  /**
   * What was there at the opening: definitions in the order in which they were put (one that was put again keeps its
   * place), entries in the order of enqueueing. The caller may empty both arrays once it has taken what they hold.
   */
  readonly recovered: { definitions: Definition[]; entries: StoredEntry[] };
  /** Puts a definition, or another value for its kind and key. */
  define(definition: Definition): void;
  undefine(kind: string, key: string): void;
  /** Appends one message for one or more queues; gives its id. `content` must not change afterwards. */
  enqueue(message: Omit<StoredMessage, 'id'>, queues: readonly Destination[]): number;
  /** The message has left the queue (acked, dropped, expired, dead-lettered elsewhere). A message that is not there is no error. */
  settle(id: number, queue: string): void;
  /** Records that a message went back to its queue, and how often it has done so. */
  returned(id: number, queue: string, counts: ReturnCounts): void;
  /** All messages of a queue at once (purge, delete). */
  drop(queue: string): void;
  /** Calls back, never within this call, once everything that was appended before this call is on disk (group commit), or with the error. */
  committed(done: (error?: Error) => void): void;
  /** Bytes that are encoded and not on disk yet: publishers that want no confirms can outrun the disk. */
  readonly pendingBytes: number;
  /** Why nothing is kept any more. */
  readonly failure: MqError | undefined;
  /** Writes what is left, gives the folder free. Never rejects: a failure was told by `log` and `committed`. */
  close(): Promise<void>;
}

/** What the store needs of the world. */
export interface StoreOptions {
  /** This process; it goes into the lock file. */
  readonly pid: number;
  /** Whether a process of this machine runs. */
  readonly isAlive: (pid: number) => boolean;
  /** Takes the folder from a process of another host, of which nobody can tell whether it runs. Default false. */
  readonly breaksLock?: boolean | undefined;
  /** Makes the names in a folder durable; another one in tests. */
  readonly syncFolder?: (folder: string) => Promise<void>;
  /** One line for the person: a tail that was cut, a disk that failed. */
  readonly log?: (line: string) => void;
  /** Called once, when the store has failed for good: a broker is of no use then. */
  readonly onFailed?: (failure: MqError) => void;
  /** A file of the log is full from this length on; 16 MiB. */
  readonly segmentBytes?: number;
  /** Cleaning begins when the log is longer than twice what is needed and this; 64 MiB. */
  readonly slackBytes?: number;
  /** Milliseconds before space is given back again after an error; doubled with each further one. Default 2,000. */
  readonly pauseMs?: number;
  /** Opens a file to write; node:fs, if not told. */
  readonly open?: (path: string, flags: string, mode?: number) => Promise<StoreFile>;
}

/** What of a file handle the log writes with. */
export interface StoreFile {
  writev(parts: readonly Buffer[], position: number): Promise<{ bytesWritten: number }>;
  datasync(): Promise<void>;
  close(): Promise<void>;
}
