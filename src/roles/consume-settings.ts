// What a role that receives is run with.

import type { RetryConfig } from '../config/config.ts';
import type { Say } from '../context.ts';
import type { Handler } from '../handlers/handler.ts';

/** A subscription that a role receives from. */
export interface Source {
  readonly subscription: string;
  /** The subscription's queue, as rascal.json names it. */
  readonly queue: string;
  readonly retry: RetryConfig;
}

export interface ConsumeSettings {
  readonly behaviour: 'consume' | 'reply';
  /** At least one. */
  readonly sources: readonly Source[];
  readonly bindingKeys: readonly string[] | undefined;
  readonly prefetch: number;
  readonly concurrency: number;
  /** Milliseconds that a handler has for a message; undefined: no bound. */
  readonly handlerMs: number | undefined;
  /** Stop after so many messages. */
  readonly count: number | undefined;
  /** Stop after so long without a message. */
  readonly idleMs: number | undefined;
  /** Stop after so long, as at the first signal. */
  readonly maxTimeMs: number | undefined;
  readonly untilEmpty: boolean;
  /** Milliseconds from one message to the next; undefined: no limit. */
  readonly intervalMs: number | undefined;
  /** Milliseconds that handlers have to end after the first signal. */
  readonly drainMs: number;
  readonly json: boolean;
  /** In bytes: larger ones are dead-lettered. */
  readonly maxBody: number | undefined;
  /** Made before the first message is taken. */
  readonly handler: Handler;
  /** False for handlers that cannot fail: then no connection for outcomes is opened. */
  readonly canFail: boolean;
  /** Said at the start: how messages can be lost. */
  readonly warnings: readonly string[];
  readonly say: Say;
  /** Tells whether a reply may go to a queue. */
  readonly mayReplyTo: (queue: string) => boolean;
  /** Lines of the level debug are shown, such as one for each handled message. */
  readonly isDebug: boolean;
  /** Begins the time in which the handlers have to end, as a SIGTERM does. */
  readonly beginDrain: () => void;
}
