// The interfaces of a channel and of its connection for the parts of the channel. The parts do not import the classes,
// because the classes import the parts.

import type { MethodInput, MethodName } from '../codec/methods.ts';
import type { MessageCounters } from '../counters.ts';
import type { Queue } from '../queue/queue.ts';
import type { QueueOwner } from '../queue/settings.ts';
import type { Work } from '../slices.ts';
import type { User } from '../vhost/users.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { Flushable } from './end-of-tick.ts';
import type { Replies } from './reply-to.ts';
import type { Output } from './socket/output.ts';
import type { Transaction } from './transaction.ts';

export interface ConnectionScope extends QueueOwner {
  readonly name: string;
  readonly user: User;
  readonly output: Output;
  readonly replies: Replies;
  readonly details: { readonly remoteAddress: string | undefined; readonly remotePort: number | undefined };
  /** Returns true if the client announced the capability in its properties. */
  can(capability: string): boolean;
  log(line: string): void;
  /** Ends the connection because of a bug or a broken disk. */
  fail(error: unknown): void;
  /** Calls `flush` at the end of the turn of the event loop. */
  flushLater(flushable: Flushable): void;
  /** Does work after all earlier work of the connection, then calls `done`. Reads nothing from the client until then. */
  inOrder(work: Work, done?: () => void): void;
  /** Ends one `output.hold` when everything that was changed until now is on disk. */
  releaseWhenStored(): void;
  /** Deletes an exclusive queue when the connection ends. */
  ownQueue(queue: Queue): void;
  /** Records that the client publishes. */
  sawPublish(): void;
}

export interface ChannelScope {
  readonly number: number;
  readonly connection: ConnectionScope;
  readonly vhost: VirtualHost;
  readonly counters: MessageCounters;
  /** After tx.select. */
  readonly transaction: Transaction | undefined;
  /** Address of the direct reply-to consumer of the channel. */
  readonly replyAddress: string | undefined;
  readonly isClosing: boolean;
  /** Name of the queue that was declared last, or an empty string. */
  lastQueue: string;
  send<N extends MethodName>(name: N, fields: MethodInput<N>): void;
  /** Returns the name, or the queue that was declared last if the name is empty. Throws 404 if no queue was declared. */
  queueNamed(name: string): string;
  flush(): void;
}
