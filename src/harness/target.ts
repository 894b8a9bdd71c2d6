// Defines the target of a test run: the broker that the tests use. test-process/ implements each kind of target.

import type { Login } from '../login/login.ts';

/** Target settings that the runner sends to the process of a file, as JSON. */
export type TargetPlan = EmbeddedPlan | ExternalPlan;

interface CommonPlan {
  /** Value of `--config`. */
  readonly config?: string;
  /** `true` also declares the topology of mq's own suites. */
  readonly self?: boolean;
}

/** A broker for this file only, in its process. */
export interface EmbeddedPlan extends CommonPlan {
  readonly kind: 'embedded';
  readonly chaos?: ChaosPlan;
}

/** Kinds of faults that `--chaos` causes. */
export const chaosKinds = ['redelivery', 'reordering', 'slow confirms', 'reconnect'] as const;

export type ChaosKind = (typeof chaosKinds)[number];

/** Faults that the broker causes in every test of the file. */
export interface ChaosPlan {
  readonly seed: number;
  readonly kinds: readonly ChaosKind[];
}

export interface ExternalPlan extends CommonPlan {
  readonly kind: 'cluster' | 'url';
  /** One amqp URL for each node, with user and password. */
  readonly urls: readonly string[];
  /** URLs of the management API with user and password. Empty without an API. */
  readonly managementUrls: readonly string[];
  /** Login of the command, for the addresses without a password. */
  readonly login?: Login;
  /** Prefix of the names of the files' vhosts. The run uses it to find the vhosts of a killed file. */
  readonly prefix?: string;
  /** Name of the cluster in containers. */
  readonly cluster?: string;
}

/** The target in the process of one file: a vhost of its own, with the topology of rascal.json. */
export interface FileTarget {
  readonly kind: TargetPlan['kind'];
  /** One amqp URL for each node, with user, password and vhost. */
  readonly urls: readonly string[];
  readonly vhost: string;
  /** URLs of the management API, one for each node, with user and password. Empty without an API. */
  readonly managementUrls: readonly string[];
  /**
   * Advances the broker's clock. `undefined` if that is not possible. At each step it waits at most `withinMs` for the
   * consuming roles, and rejects if one of them still has a message then. 0 does not wait.
   */
  readonly advance: ((milliseconds: number, withinMs: number) => Promise<void>) | undefined;
  /**
   * Purges all queues of the vhost. The property is `undefined` if the vhost does not belong to the file. The function
   * returns `undefined` if there is nothing to do.
   */
  readonly purge: (() => Promise<void> | undefined) | undefined;
  readonly cluster: ClusterFaults | undefined;
  /** Faults of the embedded broker. `undefined` for another broker. */
  readonly faults: FaultControl | undefined;
  /** Command that starts this program as a role. */
  readonly launch: {
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string | undefined>>;
    /** The current folder, in which the role starts. */
    readonly cwd: string;
  };
  /** Returns the client of the fixtures. Rejects if the broker cannot start. */
  client(): Promise<FixtureClient>;
  /** Returns the names of the queues of rascal.json. If such a queue remains after a test, it is not a leak. */
  queues(): Promise<readonly string[]>;
  /** Returns the current content of the vhost, or `undefined` if it cannot be read. */
  content(): Promise<VhostContent | undefined>;
  /** Removes the vhost, or the broker. */
  close(): Promise<void>;
}

/** Publishes and receives for the fixtures. */
export interface FixtureClient {
  /** Resolves when the broker has confirmed the message. Throws otherwise. */
  publish(publication: string, message: SentMessage): Promise<Published>;
  /** Publishes the messages of a recording (mq record) in their order, and returns their number. Throws the first failure. */
  replay(path: string, options: ReplayOptions): Promise<number>;
  /** Sends a request and returns its reply. */
  request(publication: string, message: SentMessage, withinMs: number): Promise<ReceivedMessage>;
  /** Resolves when the broker has accepted the consumer. */
  listen(source: Source, options: ListenOptions): Promise<Listening>;
  /**
   * Returns the dead-letter queue of a role, a subscription or a queue. Throws USAGE if there is no dead-letter queue.
   */
  deadLettersOf(name: string): Promise<{ readonly queue: string }>;
}

/** Source of messages: a subscription of rascal.json, or a queue by the broker's name. */
export type Source = string | { readonly queue: string };

export interface SentMessage {
  readonly body: Buffer;
  readonly routingKey?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** contentType, priority, expiration, correlationId, … */
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly persistent?: boolean;
  /** If `false`, a message that no queue receives is not an error. */
  readonly mandatory?: boolean;
  /** If `false`, the schema of the publication does not apply to the message. */
  readonly schema?: boolean;
  /** Milliseconds after which the message arrives. 0 ignores the delay in rascal.json. Default the delay in rascal.json. */
  readonly delay?: number;
}

/** Target of a recording, by the broker's names. */
export type ReplayTo = { readonly queue: string } | { readonly exchange: string };

interface ReplayOptions {
  /** `undefined` means the recorded exchange and routing key. */
  readonly to: ReplayTo | undefined;
  /** If `false`, no schema applies to the messages. */
  readonly schema: boolean | undefined;
  /** Called before each message with the recorded pause before it, in milliseconds. */
  readonly pause: (milliseconds: number) => Promise<void>;
}

/** A published message with its exchange and routing key. */
export interface Published {
  readonly outcome: 'confirmed';
  readonly messageId: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface ReceivedMessage {
  readonly body: Buffer;
  /** Body decoded as UTF-8. */
  readonly text: string;
  /** Parses the body as JSON. Throws if it is not valid JSON. */
  json(): unknown;
  readonly fields: {
    readonly exchange: string;
    readonly routingKey: string;
    readonly redelivered: boolean;
    readonly queue: string;
  };
  readonly properties: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface Listening {
  /** Resolves when all messages that the broker has already sent have arrived. */
  settled(): Promise<void>;
  /** Cancels the consumer. Received messages can still be acknowledged. */
  stop(): Promise<void>;
  /** Closes the consumer's connection. Unacknowledged messages are requeued. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** Binding keys that replace those of rascal.json. */
  readonly keys?: readonly string[];
  readonly onMessage: (message: ReceivedMessage, answer: MessageAnswer) => void;
}

export interface MessageAnswer {
  ack(): void;
  /** Returns the message to its queue. */
  requeue(): void;
}

/** Faults that a test can cause in a cluster. A node is identified by its index, starting at 0. */
export interface ClusterFaults {
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
}

/**
 * Faults of the embedded broker. They affect the roles and the test's own clients, and not the fixtures. Each function
 * except `cut` returns a function that ends the fault.
 */
export interface BrokerFaults {
  /** Delivers every message a second time, after its first acknowledgement. */
  redeliver(): () => void;
  /** Closes the connection of a consumer before the broker receives the first acknowledgement of each message. */
  crashBetween(from: 'effect', to: 'ack'): () => void;
  /** Closes all connections, and resolves when they are closed. Roles connect again by themselves. */
  cut(): Promise<void>;
  /** Delays everything that the broker sends: deliveries, confirms, answers. */
  delay(milliseconds: number): () => void;
  /** Refuses every publish with a nack. */
  refusePublish(): () => void;
  /** Lets the queue reject publishes with a nack, like a queue at its maximum length. */
  full(queue: string): () => void;
  /** Blocks publishers, as RabbitMQ does when memory or disk space is low. */
  block(): () => void;
}

/** The faults, and what the fixtures need to control them. */
export interface FaultControl extends BrokerFaults {
  /** Number of faults that `--chaos` has caused in the test, and could have caused. `undefined` without `--chaos`. */
  readonly counts: { readonly faults: number; readonly chances: number } | undefined;
  /** Factor of the time limits of the fixtures. Under `--chaos` it is 3, because reconnects and repeated messages take time. */
  readonly patience: number;
  /** Starts the faults of `--chaos` for the next test. */
  begin(): void;
  /**
   * Rejects if `full` was called before the broker started, for a queue that does not exist. Reports it once. Returns
   * `undefined` if there is nothing to check.
   */
  checked(): Promise<void> | undefined;
  /** Ends all faults that a test has started. */
  heal(): void;
  /** Returns the messages since the last call that did not match the schema of their publication. */
  contractFaults(): readonly string[];
  /**
   * If faults repeat or delay messages, waits until the roles have handled what the broker has for them, at most for a
   * short time. Returns `false` without such faults.
   */
  settled(): Promise<boolean>;
}

/** Content of a vhost. */
export interface VhostContent {
  /** Connections, without those of the fixtures. */
  readonly connections: readonly { readonly name: string; readonly channels: number; readonly unacked: number }[];
  readonly queues: readonly { readonly name: string; readonly ready: number; readonly unacked: number }[];
  readonly exchanges: readonly { readonly name: string; readonly type: string; readonly alternate?: string }[];
  readonly bindings: readonly VhostBinding[];
}

export interface VhostBinding {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly key: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}
