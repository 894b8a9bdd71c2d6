// TypeScript declarations of `mq/test` for editors, written by `mq types`. They need only those of `mq/bodies`, and not the
// types of Node or uvu, because the user has not installed them. test/unit/harness/declarations.test.ts compares them with user.ts.

/** A tsconfig.json for a folder of tests. As with `mq test`, types are stripped, and package.json has no effect. */
export const tsconfig = {
  compilerOptions: {
    module: 'preserve',
    target: 'esnext',
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    erasableSyntaxOnly: true,
  },
  include: ['**/*.ts'],
};

/** Content of mq-test.d.ts. */
export const declarations = `// The declarations of \`mq/test\`, which the test files of \`mq test\` import. \`mq types\` overwrites this file; do not edit it.

declare module 'mq/test' {
  import type { Publications, Subscriptions } from 'mq/bodies';

  /** Registers a test. It does not require a call of \`.run()\`. */
  export const test: Test;
  /** Returns a suite with a name and a state, which is passed to each of its tests and hooks. */
  export function suite<State = Record<string, unknown>>(name?: string, state?: State): Test<State>;

  export interface Test<State = Record<string, unknown>> {
    (name: string, body: Callback<State>): void;
    /** Registers a test that runs instead of the suite's other tests. The others are reported as skipped. */
    only(name: string, body: Callback<State>): void;
    skip(name?: string, body?: Callback<State>): void;
    readonly before: Hook<State>;
    readonly after: Hook<State>;
    /** Does nothing in \`mq/test\`. It exists for compatibility with uvu. */
    run(): void;
  }
  /** Registers a hook of the suite. A hook of \`.each\` runs for every test. */
  export interface Hook<State> {
    (body: Callback<State>): void;
    each(body: Callback<State>): void;
  }
  export type Callback<State> = (state: State & { __suite__: string; __test__: string }) => void | Promise<void>;

  /** Ends the running test as skipped. In a \`before\` hook it skips the whole suite. */
  export function skip(reason: string): never;

  /** \`equal\` compares values deeply, \`is\` compares them with \`===\`. The last argument is the message of the failure. */
  export namespace assert {
    function ok(actual: unknown, message?: string | Error): asserts actual;
    function is(actual: unknown, expected: unknown, message?: string | Error): void;
    function equal(actual: unknown, expected: unknown, message?: string | Error): void;
    function type(actual: unknown, expected: TypeName, message?: string | Error): void;
    function instance(actual: unknown, expected: unknown, message?: string | Error): void;
    /** Compares texts line by line. */
    function snapshot(actual: string, expected: string, message?: string | Error): void;
    /** Compares texts like \`snapshot\`, and shows line numbers. */
    function fixture(actual: string, expected: string, message?: string | Error): void;
    function match(actual: string, expected: string | RegExp, message?: string | Error): void;
    /** \`expected\` is part of the message, or a function that checks the error. It does not accept promises. */
    function throws(work: () => unknown, expected?: string | RegExp | ErrorCheck, message?: string | Error): void;
    function unreachable(message?: string | Error): void;
    function not(actual: unknown, message?: string | Error): void;
    namespace is {
      function not(actual: unknown, expected: unknown, message?: string | Error): void;
    }
    namespace not {
      function ok(actual: unknown, message?: string | Error): void;
      function equal(actual: unknown, expected: unknown, message?: string | Error): void;
      function type(actual: unknown, expected: TypeName, message?: string | Error): void;
      function instance(actual: unknown, expected: unknown, message?: string | Error): void;
      function snapshot(actual: string, expected: string, message?: string | Error): void;
      function fixture(actual: string, expected: string, message?: string | Error): void;
      function match(actual: string, expected: string | RegExp, message?: string | Error): void;
      function throws(work: () => unknown, expected?: string | RegExp | ErrorCheck, message?: string | Error): void;
    }
  }
  export type TypeName = 'string' | 'number' | 'boolean' | 'object' | 'undefined' | 'function';
  export type ErrorCheck = (error: Error & { readonly code: string }) => unknown;

  /**
   * Calls \`check\` until it returns a value other than undefined and false, and returns that value. An exception counts as
   * undefined. \`within\` is the time limit in milliseconds (default 10,000), \`every\` the pause between two calls
   * (default 25). A function that only asserts must return true at its end.
   */
  export function eventually<Found>(
    what: string,
    check: () => Found | undefined | false | Promise<Found | undefined | false>,
    options?: { readonly within?: number; readonly every?: number },
  ): Promise<Found>;

  /**
   * The broker of this file: a separate vhost with the topology of rascal.json. A test fails if it leaves a connection or
   * a queue there. Messages that a test leaves are dropped after it.
   */
  export const broker: {
    /** All addresses for a client, separated by commas. */
    readonly url: string;
    /** One address for each node. */
    readonly urls: readonly string[];
    readonly vhost: string;
    /** URLs of the management API, one for each node, with user and password. Empty without an API (\`embedded\`). */
    readonly managementUrls: readonly string[];
    readonly kind: 'embedded' | 'cluster' | 'url';
  };

  /** Publishes a message. Resolves when the broker has confirmed it, and throws otherwise. An object is sent as JSON. */
  export function publish<Name extends string>(
    publication: Name,
    body: SentBody<Name>,
    options?: SendOptions,
  ): Promise<Published>;
  export function publish(
    publication: string,
    body: Body,
    options: SendOptions & { readonly schema: false },
  ): Promise<Published>;
  /**
   * Publishes the messages of a recording (\`mq record\`) and returns their number. The path starts at the current folder.
   * \`to\` replaces the recorded exchange and routing key. With \`schema: false\`, no schema applies to them. On the embedded broker the clock advances by the recorded pauses;
   * \`within\` is that of clock.advance.
   */
  export function replay(
    path: string,
    options?: {
      readonly to?: { readonly queue: string } | { readonly exchange: string };
      readonly schema?: boolean;
      readonly within?: number;
    },
  ): Promise<number>;
  /** Sends a request and returns the reply. \`within\` is the time limit in milliseconds (default 5,000). */
  export function request<Name extends string>(
    publication: Name,
    body: SentBody<Name>,
    options?: SendOptions & { readonly within?: number },
  ): Promise<ReceivedMessage>;
  /** Source of messages: a subscription of rascal.json, or any queue by its name on the broker. */
  export type Source = string | { readonly queue: string };
  /** Starts receiving before the first expectMessage. Needed for queues that exist only while a client consumes. */
  export function listen(source: Source, options?: { readonly keys?: readonly string[] }): Promise<void>;
  /**
   * Waits for a matching message, acknowledges it and returns it. Earlier messages that do not match are kept for the next
   * call. A \`{ queue }\` may be declared while this waits. \`within\` is the time limit in milliseconds (default 5,000).
   */
  export function expectMessage<From extends Source>(
    source: From,
    matcher?: Matcher,
    options?: { readonly within?: number },
  ): Promise<ReceivedMessage<ReceivedBody<From>>>;
  /** Waits for a dead letter of a role, a subscription or a queue, in the same way as expectMessage. */
  export function deadLetter(
    name: string,
    matcher?: Matcher,
    options?: { readonly within?: number },
  ): Promise<ReceivedMessage>;

  export type Body = string | Uint8Array | object | number | boolean | null;
  /** A body of a publication: a value that its schema accepts, or the bytes or text of any body. */
  export type SentBody<Name> = Name extends keyof Publications ? Publications[Name] | string | Uint8Array : Body;
  /** A body of a subscription, parsed as JSON. */
  export type ReceivedBody<From> = From extends keyof Subscriptions ? Subscriptions[From] : any;
  export interface SendOptions {
    readonly routingKey?: string;
    readonly headers?: Readonly<Record<string, unknown>>;
    /** contentType, priority, expiration, correlationId, … */
    readonly properties?: Readonly<Record<string, unknown>>;
    readonly persistent?: boolean;
    /** If false, a message that no queue receives is not an error. */
    readonly mandatory?: boolean;
    /** If false, the schema of the publication does not apply to the message. */
    readonly schema?: boolean;
    /** Milliseconds after which the message arrives. 0 ignores the delay in rascal.json. Default the delay in rascal.json. */
    readonly delay?: number;
  }
  export interface Published {
    readonly outcome: 'confirmed';
    readonly messageId: string;
    readonly exchange: string;
    readonly routingKey: string;
    readonly headers: Readonly<Record<string, unknown>>;
  }
  export interface ReceivedMessage<Json = any> {
    readonly body: Uint8Array;
    /** The body, decoded as UTF-8. */
    readonly text: string;
    /** Parses the body. Throws if it is not JSON. */
    json(): Json;
    readonly fields: {
      readonly exchange: string;
      readonly routingKey: string;
      readonly redelivered: boolean;
      readonly queue: string;
    };
    readonly properties: Readonly<Record<string, unknown>>;
    readonly headers: Readonly<Record<string, unknown>>;
  }
  /**
   * Selects messages. A string must equal the body, a RegExp must match the body, and a function must return true for the
   * message. If all keys of an object are names of message parts, each value is compared with that part. Any other object
   * must be contained in the JSON body.
   */
  export type Matcher = string | RegExp | ((message: ReceivedMessage) => unknown) | MessageParts | object;
  /** A string or number must be equal, a RegExp must match, and an object must be contained. */
  export interface MessageParts {
    readonly body?: unknown;
    readonly text?: unknown;
    readonly json?: unknown;
    readonly properties?: unknown;
    readonly headers?: unknown;
    readonly fields?: unknown;
  }

  /**
   * Starts a role of mq or of rascal.json in a separate process. It is stopped after the test, or after the suite if a
   * \`before\` hook started it.
   */
  export function role(name: string, args: readonly string[], options?: RoleOptions): Promise<RunningRole>;
  export function role(name: string, options?: RoleOptions): Promise<RunningRole>;
  export interface RoleOptions {
    /** Standard input. It is empty by default. */
    readonly input?: string;
    readonly env?: Readonly<Record<string, string>>;
    /** Time limit in milliseconds for the start and for \`prints\` (default 10,000). */
    readonly within?: number;
  }
  export interface RunningRole {
    readonly pid: number;
    /** Returns the output so far. */
    stdout(): string;
    stderr(): string;
    /** Returns the content of stdout (or stderr) once it matches. Throws if the role ends or the time is up. */
    prints(
      pattern: RegExp | string,
      options?: { readonly within?: number; readonly on?: 'stdout' | 'stderr' },
    ): Promise<string>;
    /** Sends a signal (default SIGTERM). */
    kill(signal?: 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2' | 'SIGSTOP' | 'SIGCONT'): void;
    /** Sends SIGTERM and waits for the end. */
    stop(): Promise<RoleEnd>;
    readonly ended: Promise<RoleEnd>;
  }
  export interface RoleEnd {
    readonly status: number | null;
    readonly signal: string | null;
    readonly stdout: string;
    readonly stderr: string;
  }

  /** The clock of the embedded broker. On another broker the test is skipped. */
  export const clock: {
    /**
     * Advances the time; timers fire in order. Before each step it waits until the consuming roles have handled their
     * messages. \`within\` is the time limit of each such wait in milliseconds (default 10,000); 0 does not wait.
     */
    advance(milliseconds: number, options?: { readonly within?: number }): Promise<void>;
  };

  /**
   * Faults of the embedded broker, which end with the test. On another broker the test is skipped. They affect the roles
   * and your own clients, and not \`publish\`, \`expectMessage\` and the other fixtures. Each function except \`cut\` returns
   * a function that ends the fault.
   */
  export const faults: {
    /** Delivers every message a second time, after its first acknowledgement. The copy is marked as redelivered. */
    redeliver(): () => void;
    /**
     * Closes the connection of a consumer when it acknowledges a message for the first time. The handler has finished, the
     * broker has no acknowledgement, and the message comes again.
     */
    crashBetween(from: 'effect', to: 'ack'): () => void;
    /** Closes all connections. Resolves when they are closed. Roles connect again by themselves. */
    cut(): Promise<void>;
    /** Delays everything that the broker sends by this time in milliseconds: deliveries, confirms, answers. */
    delay(milliseconds: number): () => void;
    /** Refuses every publish with a nack. */
    refusePublish(): () => void;
    /** Lets the queue reject publishes with a nack, like a queue at its maximum length. The name is that on the broker. */
    full(queue: string): () => void;
    /** Blocks publishers, as RabbitMQ does when memory or disk space is low. */
    block(): () => void;
  };

  /**
   * Faults of the cluster, which are undone after the test. Without a cluster (\`--on cluster\`) the test is skipped. A
   * node is identified by its index, starting at 0.
   */
  export const cluster: {
    readonly nodes: number;
    /** Kills a node with SIGKILL. */
    kill(node: number): Promise<void>;
    stop(node: number): Promise<void>;
    /** Starts a killed or stopped node, and waits until it is a member again. */
    start(node: number): Promise<void>;
    /** Pauses a node. Its connections stay open, but the node sends nothing. */
    pause(node: number): Promise<void>;
    unpause(node: number): Promise<void>;
    /** Disconnects a node from the others. */
    disconnect(node: number): Promise<void>;
    reconnect(node: number): Promise<void>;
    /** Disconnects these nodes from the others and from each other. */
    partition(nodes: readonly number[]): Promise<void>;
    /** Sets the memory alarm of a node, which blocks publishers. */
    alarm(node: number): Promise<void>;
    /** Undoes all faults and waits until all nodes are ready. */
    heal(): Promise<void>;
    /** Returns the nodes' log lines since the date, without those of level info. */
    logs(since: Date): Promise<string>;
  };
}
`;
