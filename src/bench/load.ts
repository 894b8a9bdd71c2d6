// Defines the load of a benchmark: which messages the producers of one process send, and which queues they use.

export const benchVerbs = ['publish', 'consume', 'pipe', 'rpc'] as const;
export type BenchVerb = (typeof benchVerbs)[number];

export interface Load {
  readonly verb: BenchVerb;
  /** Milliseconds between two messages of all producers together. `undefined` means a closed loop. */
  readonly intervalMs: number | undefined;
  /** Time before the measurement, in milliseconds. */
  readonly warmUpMs: number;
  /** Time of the measurement in milliseconds, and its number of messages. The first limit that is reached ends it. */
  readonly durationMs: number | undefined;
  readonly count: number | undefined;
  readonly producers: number;
  readonly consumers: number;
  /** Size of a body in bytes. */
  readonly size: number;
  /** Maximum number of unconfirmed messages, or of requests in flight, of each producer. */
  readonly window: number;
  readonly prefetch: number;
  /** `undefined` means the setting of the publication. */
  readonly persistent: boolean | undefined;
  readonly routingKey: string | undefined;
  /** Names of the publications and subscriptions. The n-th producer uses the n-th publication, and so on in turn. */
  readonly publications: readonly string[];
  readonly subscriptions: readonly string[];
  /** Queues that the benchmark declares and deletes, by the broker's names. Empty if it uses those of rascal.json. */
  readonly ownQueues: readonly string[];
  readonly vhost: string;
  /** `true` if the consumers acknowledge messages that the benchmark has not written. */
  readonly acceptsAll: boolean;
  readonly replyTimeoutMs: number;
  /** Longest time without an arrival after the last message was sent, in milliseconds. */
  readonly drainMs: number;
}

/** Returns the name that the client with this index uses. */
export function ofTurn(names: readonly string[], index: number): string {
  return names[index % names.length] ?? '';
}
