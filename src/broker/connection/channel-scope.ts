// The interfaces through which the parts of a channel, such as its publisher, use the channel and the connection. The parts
// do not import these two classes, because the classes import the parts.

import type { MethodInput, MethodName } from '../codec/methods.ts';
import type { MessageCounters } from '../counters.ts';
import type { Client, Interference } from '../interference.ts';
import type { Queue } from '../queue/queue.ts';
import type { QueueOwner } from '../queue/settings.ts';
import type { Work } from '../slices.ts';
import type { User } from '../vhost/users.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { Flushable } from './end-of-tick.ts';
import type { Replies } from './reply-to.ts';
import type { Output } from './socket/output.ts';
import type { Transaction } from './transaction.ts';

export interface ConnectionScope extends QueueOwner, Client {
  readonly user: User;
  readonly output: Output;
  readonly replies: Replies;
  readonly details: Client['details'] & {
    readonly remoteAddress: string | undefined;
    readonly remotePort: number | undefined;
  };
  /** The faults that a test simulates. */
  readonly interference: Interference | undefined;
  /** Returns true if the client announced the capability in its properties. */
  hasCapability(capability: string): boolean;
  log(line: string): void;
  /** Closes the connection with 541 because of a bug or a broken disk. */
  fail(error: unknown): void;
  /** Calls `flush` at the end of this turn of the event loop. */
  flushLater(flushable: Flushable): void;
  /** Does work after all earlier work of the connection, then calls `done`. Reads nothing from the client before that. */
  inOrder(work: Work, done?: () => void): void;
  /** Calls `output.release` when all changes that were made so far are on disk. */
  releaseWhenStored(): void;
  /** Registers an exclusive queue, which is deleted when the connection ends. */
  ownQueue(queue: Queue): void;
  /** Records that the client publishes. */
  recordPublish(): void;
}

export interface ChannelScope {
  readonly number: number;
  readonly connection: ConnectionScope;
  readonly vhost: VirtualHost;
  readonly counters: MessageCounters;
  /** `undefined` before tx.select. */
  readonly transaction: Transaction | undefined;
  /** Address of the direct reply-to consumer. `undefined` if the channel has none. */
  readonly replyAddress: string | undefined;
  readonly isClosing: boolean;
  /** Name of the queue that was declared last, or an empty string. */
  lastQueue: string;
  send<N extends MethodName>(name: N, fields: MethodInput<N>): void;
  /** Returns the name, or the queue that was declared last if the name is empty. Throws 404 if no queue was declared. */
  queueNamed(name: string): string;
  flush(): void;
}
