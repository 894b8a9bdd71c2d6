// What happens to one message: the one interface that every handler is, and the outcomes it can have.

import type { Output } from '../context.ts';
import type { MqError } from '../errors.ts';

/** The properties of basic.properties (AMQP 0-9-1, 1.8.3.1…14), as amqplib names them, without `headers`. */
export interface MessageProperties {
  contentType?: string;
  contentEncoding?: string;
  deliveryMode?: number;
  priority?: number;
  correlationId?: string;
  replyTo?: string;
  expiration?: string;
  messageId?: string;
  /** Seconds since 1970. A bigint where a number cannot hold it. */
  timestamp?: number | bigint;
  type?: string;
  userId?: string;
  appId?: string;
  clusterId?: string;
}

/** Returns the properties without the form they were received in, for code that is not mq's. */
export function plainProperties(properties: MessageProperties): MessageProperties {
  const plain: Record<string, unknown> = {};
  // The form is under a symbol, which this loop leaves out.
  for (const name in properties) plain[name] = properties[name as keyof MessageProperties];
  return plain;
}

/** How the message came (basic.deliver). */
export interface MessageFields {
  exchange: string;
  routingKey: string;
  redelivered: boolean;
  /** The queue it was taken from. */
  queue: string;
}

export interface Message {
  /** The bytes as they came; never decoded. */
  readonly body: Buffer;
  readonly fields: MessageFields;
  readonly properties: MessageProperties;
  /** Without prototype. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** 1 for the first time a handler sees it. */
  readonly attempt: number;
  /** Why `headers` is empty, though the message has some. */
  readonly unreadable?: string;
}

/**
 * What is to be done with the message.
 * - `ack`: it is done. `reply`: the answer for a `reply` role.
 * - `retry`: again later, with back-off, then dead-letter. `wasTerminated`: SIGTERM or SIGINT ended the handler's process.
 *   `isOfBatch`: the call for a batch failed, so any of its messages may be the cause.
 * - `dead-letter`: to the dead-letter queue now.
 * - `requeue`: back to its queue after a pause, as the handler asked. This counts as an attempt.
 * - `hand-back`: back to its queue now, because the role gave up before the handler had an outcome. This does not count.
 * - `stop`: hand this message back and end the role with the error, because no message can be handled now (a full disk,
 *   an executable that vanished). Trying the next one would only move the whole queue to the dead letters.
 */
export type Outcome =
  | { readonly type: 'ack'; readonly reply?: Reply }
  | { readonly type: 'retry'; readonly reason: string; readonly wasTerminated?: true; readonly isOfBatch?: true }
  | { readonly type: 'dead-letter'; readonly reason: string }
  | { readonly type: 'requeue'; readonly reason: string }
  | { readonly type: 'hand-back' }
  | { readonly type: 'stop'; readonly error: MqError };

/** The answer to a request. `error`: the request was refused, and why; the body then says it as text. */
export interface Reply {
  readonly body: Buffer;
  readonly contentType?: string;
  readonly error?: string;
}

/** What a handler is given beside the message. */
export interface HandlerContext {
  /** Aborted when the message is to be given up: the deadline passed, or the second signal came. */
  readonly signal: AbortSignal;
}

export interface Handler {
  /** `role` if the role prints the body after success; `handler` if the handler's own output is what is shown. */
  readonly prints: 'role' | 'handler';
  /** Never throws and never rejects: a failure is an outcome. */
  handle(message: Message, context: HandlerContext): Promise<Outcome>;
  /** Handles several messages in one call: one outcome for each, in their order. Absent if the handler cannot. */
  handleBatch?(messages: readonly Message[], context: HandlerContext): Promise<readonly Outcome[]>;
  /** Reports whether further messages can come before an outcome of those that the handler has. Absent: it waits for none. */
  expectMore?(canCome: boolean): void;
  /** Frees what the handler holds (files, processes). */
  close(): Promise<void>;
}

/** What handlers are made with. */
export interface HandlerWorld {
  /** Absolute: the folder of rascal.json for a handler that it names, else the current one. Programs run in it. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Where lines about one message go; ended by the handler unless it is `stderr`. Default: `stderr`. */
  readonly stderrOf?: (message: Message) => Output;
  /** Milliseconds a handler may take for one message; undefined: no bound. */
  readonly timeoutMs?: number;
  /** Milliseconds between TERM and KILL for a child past its time. */
  readonly graceMs: number;
  /** Sends a signal to a pid, or to a group of them (a negative number). Throws ESRCH when there is none. */
  readonly kill: (pid: number, signal: NodeJS.Signals) => void;
}
