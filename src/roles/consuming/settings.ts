// Defines the settings of a consuming role.

import type { RetryConfig } from '../../config/role.ts';
import type { StreamOffset } from '../../config/stream-offset.ts';
import type { Say } from '../../context.ts';
import type { SubscriptionContract } from '../../contracts/contracts.ts';
import type { Handler } from '../../handlers/handler.ts';

/** A subscription that a role consumes from. */
export interface Source {
  readonly subscription: string;
  /** Name of the subscription's queue in rascal.json. */
  readonly queue: string;
  readonly retry: RetryConfig;
  /** The schema of the bodies, if rascal.json names one. */
  readonly contract?: SubscriptionContract;
}

/** Where a reader of streams starts, and where it stores the offset that it has handled. */
interface OffsetSettings {
  /** Position of the start, if no offset is stored. `undefined` means the one in rascal.json. */
  readonly start: StreamOffset | undefined;
  /** Path of a file that stores the offset. */
  readonly file: string | undefined;
  /** Name of the reader, for a queue that stores the offset. */
  readonly name: string | undefined;
}

export interface ConsumeSettings {
  readonly behaviour: 'consume' | 'reply';
  /** At least one source. */
  readonly sources: readonly Source[];
  readonly offsets: OffsetSettings;
  readonly bindingKeys: readonly string[] | undefined;
  readonly prefetch: number;
  readonly concurrency: number;
  /** Time limit of a handler for one message, in milliseconds. `undefined` means no limit. */
  readonly handlerMs: number | undefined;
  /** Number of messages after which the role stops. */
  readonly count: number | undefined;
  /** Milliseconds without a message after which the role stops. */
  readonly idleMs: number | undefined;
  /** Milliseconds after which the role stops in the same way as at the first signal. */
  readonly maxTimeMs: number | undefined;
  readonly untilEmpty: boolean;
  /** Milliseconds between the starts of two messages. `undefined` means no limit. */
  readonly intervalMs: number | undefined;
  /** Milliseconds that handlers have to finish after the first signal. */
  readonly drainMs: number;
  readonly json: boolean;
  /** Byte after each printed body. */
  readonly delimiter: number;
  /** Maximum size of a body in bytes. Larger messages are dead-lettered. */
  readonly maxBody: number | undefined;
  /** Handler that is ready before the first message arrives. */
  readonly handler: Handler;
  /**
   * `false` for handlers that cannot fail. The connection for outcomes is then opened only if a message must be
   * republished.
   */
  readonly canFail: boolean;
  /** Warnings about possible message loss, logged at the start. */
  readonly warnings: readonly string[];
  readonly say: Say;
  /** Reports whether a reply may be sent to a queue. */
  readonly mayReplyTo: (queue: string) => boolean;
  /** `true` if debug lines are logged, such as one for each handled message. */
  readonly isDebug: boolean;
  /** Starts the time in which handlers must finish, as SIGTERM does. */
  readonly beginDrain: () => void;
}
