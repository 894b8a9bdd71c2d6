// TypeScript declarations of `mq/test` for editors, written by `mq types`. They do not need the types of Node or uvu,
// because the user has not installed them. test/unit/harness/declarations.test.ts compares them with user.ts.

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
export const declarations = `// Written by \`mq types\`: what a test file of \`mq test\` imports. Written anew, not edited.

declare module 'mq/test' {
  /** Registers a test. It runs without a call of \`.run()\`. */
  export const test: Test;
  /** A suite with a name, and a state that every test and hook of it receives. */
  export function suite<State = Record<string, unknown>>(name?: string, state?: State): Test<State>;

  export interface Test<State = Record<string, unknown>> {
    (name: string, body: Callback<State>): void;
    /** Of this suite only such tests run; the others are skipped and counted. */
    only(name: string, body: Callback<State>): void;
    skip(name?: string, body?: Callback<State>): void;
    readonly before: Hook<State>;
    readonly after: Hook<State>;
    /** Not needed. */
    run(): void;
  }
  /** Once for the suite; \`.each\`: around every test. */
  export interface Hook<State> {
    (body: Callback<State>): void;
    each(body: Callback<State>): void;
  }
  export type Callback<State> = (state: State & { __suite__: string; __test__: string }) => void | Promise<void>;

  /** Ends the running test (in a \`before\` hook: its whole suite) as skipped. */
  export function skip(reason: string): never;

  /** Values are compared deeply by \`equal\`, by \`===\` by \`is\`; the last argument is the message of the failure. */
  export namespace assert {
    function ok(actual: unknown, message?: string | Error): asserts actual;
    function is(actual: unknown, expected: unknown, message?: string | Error): void;
    function equal(actual: unknown, expected: unknown, message?: string | Error): void;
    function type(actual: unknown, expected: TypeName, message?: string | Error): void;
    function instance(actual: unknown, expected: unknown, message?: string | Error): void;
    /** Texts, compared line by line. */
    function snapshot(actual: string, expected: string, message?: string | Error): void;
    /** As snapshot, with the numbers of the lines. */
    function fixture(actual: string, expected: string, message?: string | Error): void;
    function match(actual: string, expected: string | RegExp, message?: string | Error): void;
    /** \`expected\`: part of the message, or a check of the error. Not for promises. */
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
   * What \`look\` gives, once it is neither undefined nor false and does not throw. \`within\`: milliseconds until it is
   * given up, 10,000 by default; \`every\`: between two looks, 25. One that only asserts has to give true at its end.
   */
  export function eventually<Found>(
    what: string,
    look: () => Found | undefined | false | Promise<Found | undefined | false>,
    options?: { readonly within?: number; readonly every?: number },
  ): Promise<Found>;

  /**
   * The broker of this file: a vhost of its own, with the topology of rascal.json in it. A connection or queue that a test
   * leaves there is its failure. Messages that a test leaves are dropped after it.
   */
  export const broker: {
    /** For a client: all addresses, with commas. */
    readonly url: string;
    /** One per node. */
    readonly urls: readonly string[];
    readonly vhost: string;
    /** Of the management API, one per node, with user and password; empty where there is none (\`embedded\`). */
    readonly managementUrls: readonly string[];
    readonly kind: 'embedded' | 'cluster' | 'url';
  };

  /** Publishes; resolves when the broker has confirmed, throws what else became of it. An object is sent as JSON. */
  export function publish(publication: string, body: Body, options?: SendOptions): Promise<Published>;
  /** Sends a request and gives the reply. \`within\`: milliseconds, 5,000 by default. */
  export function request(
    publication: string,
    body: Body,
    options?: SendOptions & { readonly within?: number },
  ): Promise<ReceivedMessage>;
  /** Where messages are received: a subscription of rascal.json, or any queue by the broker's name of it. */
  export type Source = string | { readonly queue: string };
  /** Starts to receive before the first expectMessage: for queues that exist only while a client receives. */
  export function listen(source: Source, options?: { readonly keys?: readonly string[] }): Promise<void>;
  /**
   * Waits for a message that matches, acknowledges and returns it. Those that came before and do not match stay for the
   * next call. A queue that is named may be declared while this waits. \`within\`: milliseconds, 5,000 by default.
   */
  export function expectMessage(
    source: Source,
    matcher?: Matcher,
    options?: { readonly within?: number },
  ): Promise<ReceivedMessage>;
  /** Waits for a dead letter of a role, a subscription or a queue, as expectMessage does for a message. */
  export function deadLetter(
    name: string,
    matcher?: Matcher,
    options?: { readonly within?: number },
  ): Promise<ReceivedMessage>;

  export type Body = string | Uint8Array | object | number | boolean | null;
  export interface SendOptions {
    readonly routingKey?: string;
    readonly headers?: Readonly<Record<string, unknown>>;
    /** contentType, priority, expiration, correlationId, … */
    readonly properties?: Readonly<Record<string, unknown>>;
    readonly persistent?: boolean;
    /** false: it is no failure when no queue gets it. */
    readonly mandatory?: boolean;
  }
  export interface Published {
    readonly outcome: 'confirmed';
    readonly messageId: string;
    readonly exchange: string;
    readonly routingKey: string;
    readonly headers: Readonly<Record<string, unknown>>;
  }
  export interface ReceivedMessage {
    readonly body: Uint8Array;
    /** The body as UTF-8. */
    readonly text: string;
    /** The body, parsed. Throws if it is not JSON. */
    json(): any;
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
   * A string: the whole body. A RegExp: some of the body. A function: true for the message. An object: parts of the
   * message if all its names are those of parts, else a part of its JSON.
   */
  export type Matcher = string | RegExp | ((message: ReceivedMessage) => unknown) | MessageParts | object;
  /** A string or number is to be equal, a RegExp to match, an object to be part of what is there. */
  export interface MessageParts {
    readonly body?: unknown;
    readonly text?: unknown;
    readonly json?: unknown;
    readonly properties?: unknown;
    readonly headers?: unknown;
    readonly fields?: unknown;
  }

  /**
   * Starts a role of mq or of rascal.json as a process of its own; it is stopped after the test, or after the suite whose
   * \`before\` hook started it.
   */
  export function role(name: string, args: readonly string[], options?: RoleOptions): Promise<RunningRole>;
  export function role(name: string, options?: RoleOptions): Promise<RunningRole>;
  export interface RoleOptions {
    /** Its standard input; without it, it is at its end. */
    readonly input?: string;
    readonly env?: Readonly<Record<string, string>>;
    /** Milliseconds for its start and for \`prints\`; 10,000 by default. */
    readonly within?: number;
  }
  export interface RunningRole {
    readonly pid: number;
    /** What came so far. */
    stdout(): string;
    stderr(): string;
    /** What stdout (or stderr) holds, once it matches. Throws at the role's end, and when the time is up. */
    prints(
      pattern: RegExp | string,
      options?: { readonly within?: number; readonly on?: 'stdout' | 'stderr' },
    ): Promise<string>;
    /** SIGTERM by default. */
    kill(signal?: 'SIGTERM' | 'SIGKILL' | 'SIGINT' | 'SIGHUP' | 'SIGUSR1' | 'SIGUSR2' | 'SIGSTOP' | 'SIGCONT'): void;
    /** SIGTERM, and waits for the end. */
    stop(): Promise<RoleEnd>;
    readonly ended: Promise<RoleEnd>;
  }
  export interface RoleEnd {
    readonly status: number | null;
    readonly signal: string | null;
    readonly stdout: string;
    readonly stderr: string;
  }

  /** The broker's clock. Where it cannot be moved (it can on the embedded broker), the test is skipped. */
  export const clock: {
    /**
     * Moves the time forward; what is due happens in its order. Before each step it waits until the roles that receive
     * have handled their messages. \`within\`: the most milliseconds that one such wait takes, 10,000 by default; 0: no wait.
     */
    advance(milliseconds: number, options?: { readonly within?: number }): Promise<void>;
  };

  /**
   * Faults of the cluster, undone after the test. Where there is no cluster (\`--on cluster\`), the test is skipped. A node
   * is named by its place, from 0.
   */
  export const cluster: {
    readonly nodes: number;
    /** SIGKILL. */
    kill(node: number): Promise<void>;
    stop(node: number): Promise<void>;
    /** Of a killed or stopped node; waits until it is a member again. */
    start(node: number): Promise<void>;
    /** Its connections stay open and silent. */
    pause(node: number): Promise<void>;
    unpause(node: number): Promise<void>;
    /** Cuts a node off from the others. */
    disconnect(node: number): Promise<void>;
    reconnect(node: number): Promise<void>;
    /** Cuts these nodes off from the others, and from each other. */
    partition(nodes: readonly number[]): Promise<void>;
    /** Sets off the memory alarm of a node: publishers are blocked. */
    alarm(node: number): Promise<void>;
    /** Undoes every fault and waits until all nodes are ready. */
    heal(): Promise<void>;
    /** What the nodes have logged since then, without what is only information. */
    logs(since: Date): Promise<string>;
  };
}
`;
