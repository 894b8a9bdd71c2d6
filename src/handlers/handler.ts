// Defines the interface of all handlers, the message that they receive, and the outcomes that they return.

import type { FailurePolicy } from '../config/role.ts';
import type { NativeHost, Output, Spawn } from '../context.ts';
import type { MqError } from '../errors.ts';
import type { Properties } from '../session/raw-message.ts';
import type { ProcessSpan } from '../tracing.ts';

/** The properties of basic.properties (AMQP 0-9-1, 1.8.3.1…14) with amqplib's names, without `headers`. */
export type MessageProperties = Omit<Properties, 'headers' | 'unreadable'>;

/** Returns a copy of the properties without mq's record of how they were encoded, for code outside mq. */
export function plainProperties(properties: MessageProperties): MessageProperties {
  const source: Readonly<Record<string, unknown>> = { ...properties };
  const plain: Record<string, unknown> = {};
  // The record is stored under a symbol, which this loop skips.
  for (const name in source) plain[name] = source[name];
  return plain;
}

/** Fields of the delivery (basic.deliver). */
export interface MessageFields {
  exchange: string;
  routingKey: string;
  redelivered: boolean;
  /** Queue that the message was consumed from. */
  queue: string;
}

export interface Message {
  /** Body exactly as received, never decoded. */
  readonly body: Buffer;
  readonly fields: MessageFields;
  readonly properties: MessageProperties;
  /** Headers as an object without a prototype. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** Number of the attempt, starting at 1. */
  readonly attempt: number;
  /** Reason why `headers` is empty although the message has headers. */
  readonly unreadable?: string;
  /** Span of the handler's call, if mq records traces. */
  readonly span?: ProcessSpan;
}

/**
 * Outcome of a message.
 * - `ack`: it is handled. `reply` is the answer of a `reply` role.
 * - `retry`: try again later, with back-off, then dead-letter. `wasTerminated`: SIGTERM or SIGINT ended the handler's
 *   process. `isOfBatch`: the call for a batch failed, so any of its messages may be the cause. `policy` replaces the
 *   policy of the role for a failed message. `refusal` is the answer of a `reply` role to a request that is not tried again.
 * - `dead-letter`: send it to the dead-letter queue now.
 * - `requeue`: return it to its queue after a pause, as the handler requested. This counts as an attempt.
 * - `hand-back`: return it to its queue now, because the role stopped before the handler had an outcome. This does not
 *   count as an attempt.
 * - `stop`: hand this message back and end the role with the error, because no message can be handled now (a full disk,
 *   a missing executable). Trying the next messages would dead-letter the whole queue.
 */
export type Outcome =
  | { readonly type: 'ack'; readonly reply?: Reply }
  | {
      readonly type: 'retry';
      readonly reason: string;
      readonly wasTerminated?: true;
      readonly isOfBatch?: true;
      readonly policy?: FailurePolicy;
      readonly refusal?: Reply;
    }
  | { readonly type: 'dead-letter'; readonly reason: string; readonly refusal?: Reply }
  | { readonly type: 'requeue'; readonly reason: string }
  | { readonly type: 'hand-back' }
  | { readonly type: 'stop'; readonly error: MqError };

/**
 * Answer to a request. If `error` is set, the request was refused for that reason, and the body contains it as text.
 */
export interface Reply {
  readonly body: Buffer;
  readonly contentType?: string;
  readonly error?: string;
}

/** Context that a handler receives with a message. */
export interface HandlerContext {
  /** Aborts when the handler must stop its work on the message: at the deadline, or at the second signal. */
  readonly signal: AbortSignal;
}

export interface Handler {
  /** `role` if the role prints the body after success; `handler` if only the handler prints. */
  readonly prints: 'role' | 'handler';
  /**
   * Handles one message. Never throws and never rejects: a failure is an outcome. A handler that needs no time returns
   * its outcome without a promise, because a promise for each message costs more than an empty handler.
   */
  handle(message: Message, context: HandlerContext): Outcome | Promise<Outcome>;
  /** Handles several messages in one call: one outcome for each, in order. Absent if it cannot handle batches. */
  handleBatch?(messages: readonly Message[], context: HandlerContext): Promise<readonly Outcome[]>;
  /** Reports to the handler whether more messages can arrive. Absent if the handler does not wait for messages. */
  expectMore?(mayArrive: boolean): void;
  /** Releases the handler's resources (files, processes). */
  close(): Promise<void>;
}

/** Settings and functions that mq passes to a handler when it creates the handler. */
export interface HandlerHost {
  /** Absolute path of the folder of programs: that of rascal.json if it names the handler, else the current one. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Opens the output for lines about one message. The handler ends that output. Default `stderr`, which stays open. */
  readonly stderrOf?: (message: Message) => Output;
  /** Time limit for one message, in milliseconds. `undefined` means no limit. */
  readonly timeoutMs?: number;
  /** Milliseconds between SIGTERM and SIGKILL when mq stops a child. */
  readonly graceMs: number;
  /** Sends a signal to a process id, or to a process group (a negative number). Throws ESRCH if it does not exist. */
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
  /** Starts a child process. */
  readonly spawn: Spawn;
  /** Absent where the C library cannot be called. */
  readonly native?: NativeHost;
}
