// What tests run against, as the harness sees it. Whoever wires the program says how each kind is had.

/** What the runner tells the process of a file about the target; it passes from process to process as JSON. */
export type TargetPlan =
  /** A broker of the file's own, in its process. */
  | { readonly kind: 'embedded'; readonly config?: string; readonly self?: boolean }
  | {
      readonly kind: 'cluster' | 'url';
      /** One amqp URL per node, with user and password. */
      readonly urls: readonly string[];
      /** Of the management API, with user and password; none: it has none. */
      readonly managementUrls: readonly string[];
      /** How the names of the files' vhosts begin: by it the run finds those of a file that was killed. */
      readonly prefix?: string;
      /** The name of the cluster in containers. */
      readonly cluster?: string;
      /** `--config`. */
      readonly config?: string;
      /** What mq's own suites need is to be there as well. */
      readonly self?: boolean;
    };

/** The target in the process of one file: a vhost of its own, with the topology of rascal.json in it. */
export interface FileTarget {
  readonly kind: TargetPlan['kind'];
  /** One amqp URL per node, with user, password and vhost. */
  readonly urls: readonly string[];
  readonly vhost: string;
  /** Of the management API, one per node, with user and password; none: it has none. */
  readonly managementUrls: readonly string[];
  /**
   * Moves the broker's time; undefined: it cannot be moved. At each step it waits at most `withinMs` for the roles that
   * receive, and rejects if one of them still has a message then; 0: it waits for none.
   */
  readonly advance: ((milliseconds: number, withinMs: number) => Promise<void>) | undefined;
  /**
   * Empties all queues of the vhost; undefined: the vhost is not the file's own. It may return undefined where there is
   * nothing to do.
   */
  readonly purge: (() => Promise<void> | undefined) | undefined;
  readonly cluster: ClusterFaults | undefined;
  /** How this program is started for a role. */
  readonly launch: {
    readonly command: string;
    readonly args: readonly string[];
    readonly env: Readonly<Record<string, string | undefined>>;
  };
  /** Resolves when the broker has confirmed the message; throws otherwise. */
  publish(publication: string, message: SentMessage): Promise<Published>;
  /** Sends a request and gives its reply. */
  request(publication: string, message: SentMessage, withinMs: number): Promise<ReceivedMessage>;
  /** Resolves when the broker has accepted the consumer. */
  listen(source: Source, options: ListenOptions): Promise<Listening>;
  /** The queue with the dead letters of a role, a subscription or a queue. Throws USAGE where there is none. */
  deadLettersOf(name: string): Promise<{ readonly queue: string }>;
  /** The names of the queues of rascal.json: whoever declares them leaves nothing behind. */
  queues(): Promise<readonly string[]>;
  /** What the broker holds now; undefined where nothing tells. */
  look(): Promise<Holdings | undefined>;
  /** Removes the vhost, or the broker. */
  close(): Promise<void>;
}

/** Where messages are received: a subscription of rascal.json, or any queue by the broker's name of it. */
export type Source = string | { readonly queue: string };

export interface SentMessage {
  readonly body: Buffer;
  readonly routingKey?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
  /** contentType, priority, expiration, correlationId, … */
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly persistent?: boolean;
  /** false: it is no failure when no queue gets it. */
  readonly mandatory?: boolean;
}

/** Where a message went. */
export interface Published {
  readonly outcome: 'confirmed';
  readonly messageId: string;
  readonly exchange: string;
  readonly routingKey: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface ReceivedMessage {
  readonly body: Buffer;
  /** The body as UTF-8. */
  readonly text: string;
  /** The body, parsed. Throws on what is no JSON. */
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
  /** Resolves when everything that the broker has sent so far has come. */
  settled(): Promise<void>;
  /** Takes no more; what came can still be answered. */
  stop(): Promise<void>;
  /** What has no answer goes back. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** Binding keys instead of those of rascal.json. */
  readonly keys?: readonly string[];
  readonly onMessage: (message: ReceivedMessage, answer: { ack(): void; putBack(): void }) => void;
}

/** What a test can do to the nodes of a cluster. A node is named by its place, from 0. */
export interface ClusterFaults {
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
}

/** What a vhost holds. */
export interface Holdings {
  /** Those of the fixtures are not among them. */
  readonly connections: readonly { readonly name: string; readonly channels: number; readonly unacked: number }[];
  readonly queues: readonly { readonly name: string; readonly ready: number; readonly unacked: number }[];
  readonly exchanges: readonly { readonly name: string; readonly type: string; readonly alternate?: string }[];
  readonly bindings: readonly HeldBinding[];
}

export interface HeldBinding {
  readonly source: string;
  readonly destination: string;
  readonly destinationType: 'queue' | 'exchange';
  readonly key: string;
  readonly arguments: Readonly<Record<string, unknown>>;
}
