// TypeScript declarations of `mq/handler` for editors. `mq types` writes them for the module of `--handler`. They need
// no other declarations, because the user has not installed any. test/unit/handlers/declarations.test.ts compares them
// with module.ts.

/** Content of mq-handler.d.ts. */
export const declarations = `// Written by \`mq types\`: the types of a module for --handler. It is overwritten, not edited.
//   import type { Handler } from 'mq/handler';

declare module 'mq/handler' {
  /** Handles one message. A function that returns nothing acknowledges it; one that throws has it retried. */
  export type Handler = (message: Message, context: Context) => Outcome | void | Promise<Outcome | void>;

  /**
   * Handles the messages of one call with --batch: \`export const batch: BatchHandler\`. A list has one outcome for each, in
   * their order; a single outcome, or none, is that of all.
   */
  export type BatchHandler = (
    messages: readonly Message[],
    context: Context,
  ) => BatchOutcome | Promise<BatchOutcome>;
  export type BatchOutcome = readonly (Outcome | undefined | void)[] | Outcome | void;

  /** Answers one request of a \`reply\` role: the value is the reply, unless it is an outcome. */
  export type ReplyHandler = (message: Message, context: Context) => unknown;

  export interface Message {
    /** The bytes as they came; a copy. */
    readonly body: Uint8Array;
    /** The body as UTF-8. */
    readonly text: string;
    /** The body, parsed. Throws if it is not JSON. */
    json(): any;
    readonly fields: Fields;
    readonly properties: Properties;
    readonly headers: Readonly<Record<string, unknown>>;
    /** 1 for the first time. */
    readonly attempt: number;
  }

  export interface Fields {
    readonly exchange: string;
    readonly routingKey: string;
    readonly redelivered: boolean;
    readonly queue: string;
  }

  export interface Properties {
    readonly contentType?: string;
    readonly contentEncoding?: string;
    readonly deliveryMode?: number;
    readonly priority?: number;
    readonly correlationId?: string;
    readonly replyTo?: string;
    readonly expiration?: string;
    readonly messageId?: string;
    /** Seconds since 1970. A bigint if a number cannot hold it. */
    readonly timestamp?: number | bigint;
    readonly type?: string;
    readonly userId?: string;
    readonly appId?: string;
    readonly clusterId?: string;
  }

  export interface Context {
    /** Aborted at the deadline, and when the role gives the message up. */
    readonly signal: AbortSignal;
    readonly attempt: number;
    /** Writes a line to stderr. */
    log(text: unknown): void;
  }

  export type Outcome =
    /** Done. \`reply\`: the reply of a \`reply\` role. */
    | { readonly type: 'ack'; readonly reply?: unknown }
    /**
     * retry: again after a pause, and to the dead letters after the last attempt. dead-letter: to the dead letters now.
     * requeue: back to its queue after a pause. stop: back to its queue, and the role ends.
     */
    | { readonly type: 'retry' | 'dead-letter' | 'requeue' | 'stop'; readonly reason?: string };
}
`;
