// TypeScript declarations of `mq/handler` for editors. `mq types` writes them for the module of `--handler`. They need
// only those of `mq/bodies`, because the user has not installed any others. test/unit/handlers/declarations.test.ts compares them
// with module.ts.

/** Content of mq-handler.d.ts. */
export const declarations = `// Written by \`mq types\`: the types of a module for --handler. Do not edit it; \`mq types\` overwrites it.
//   import type { Handler } from 'mq/handler';

declare module 'mq/handler' {
  import type { Subscriptions } from 'mq/bodies';

  /**
   * Handles one message. If it returns nothing, mq acknowledges the message. If it throws, mq retries the message.
   * \`Handler<'billing'>\` receives the bodies of the subscription \`billing\`, whose type is that of its schema.
   */
  export type Handler<Name extends keyof Subscriptions = never> = (
    message: Message<BodyOf<Name>>,
    context: Context,
  ) => Outcome | void | Promise<Outcome | void>;

  /**
   * Handles the messages of one call with --batch: \`export const batch: BatchHandler\`. Returns a list with one outcome
   * for each message, in order, or one outcome for all messages. If it returns nothing, mq acknowledges all messages.
   */
  export type BatchHandler<Name extends keyof Subscriptions = never> = (
    messages: readonly Message<BodyOf<Name>>[],
    context: Context,
  ) => BatchOutcome | Promise<BatchOutcome>;
  export type BatchOutcome = readonly (Outcome | undefined | void)[] | Outcome | void;

  /** Answers one request of a \`reply\` role. The returned value is the reply, unless it is an outcome. */
  export type ReplyHandler<Name extends keyof Subscriptions = never> = (
    message: Message<BodyOf<Name>>,
    context: Context,
  ) => unknown;

  /** The body of a subscription, parsed as JSON. Without a name it is any JSON value. */
  export type BodyOf<Name extends keyof Subscriptions> = [Name] extends [never] ? any : Subscriptions[Name];

  export interface Message<Body = any> {
    /** A copy of the received bytes. */
    readonly body: Uint8Array;
    /** The body as UTF-8. */
    readonly text: string;
    /** Returns the body, parsed as JSON. Throws if it is not JSON. */
    json(): Body;
    readonly fields: Fields;
    readonly properties: Properties;
    readonly headers: Readonly<Record<string, unknown>>;
    /** Number of the attempt, starting at 1. */
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
    /** Seconds since 1970. It is a bigint if a number cannot represent it. */
    readonly timestamp?: number | bigint;
    readonly type?: string;
    readonly userId?: string;
    readonly appId?: string;
    readonly clusterId?: string;
  }

  export interface Context {
    /** Aborts at the deadline, and when the role returns the message to its queue. */
    readonly signal: AbortSignal;
    readonly attempt: number;
    /** Writes a line to stderr. */
    log(value: unknown): void;
  }

  export type Outcome =
    /** The message is handled. \`reply\` is the reply of a \`reply\` role. */
    | { readonly type: 'ack'; readonly reply?: unknown }
    /**
     * retry: try again after a pause, and dead-letter after the last attempt. dead-letter: send it to the dead-letter
     * queue now. requeue: return it to its queue after a pause. stop: return it to its queue and end the role.
     */
    | { readonly type: 'retry' | 'dead-letter' | 'requeue' | 'stop'; readonly reason?: string };
}
`;
