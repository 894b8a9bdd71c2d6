// Describes the queue that a role consumes from: its type, and how the broker counts the returns of a message.

/** RabbitMQ 4: number of returns after which a quorum queue without `x-delivery-limit` drops a message. */
export const defaultLimit = 20;
/** Number of returns after which mq publishes a message again, so that the broker counts from zero. */
const mostReturns = 10;

export interface WorkQueue {
  /** Arguments with which mq declares the queue. `undefined` if mq does not declare it. */
  readonly declared: Readonly<Record<string, unknown>> | undefined;
  /** `true` if the queue is deleted with its connection. */
  readonly isOwn: boolean;
  /** Properties that the broker sends at login. */
  readonly server: { readonly version?: unknown };
}

type Headers = Readonly<Record<string, unknown>>;

const allCounters = ['x-delivery-count', 'x-acquired-count'];
const returnCounter = ['x-delivery-count'];
const noCounters: readonly string[] = [];

/**
 * Returns the counter headers of a delivery that a publisher must have written. RabbitMQ: only a quorum queue writes
 * them, and it writes `x-delivery-count` only on redelivery.
 */
export function forgedCounters({ declared }: WorkQueue, { redelivered }: { redelivered: boolean }): readonly string[] {
  const type = declared?.['x-queue-type'];
  if (type !== undefined && type !== 'quorum') return allCounters;
  return redelivered ? noCounters : returnCounter;
}

/** Reports whether a message is in a stream. Publishing it again would send a copy to every reader. */
export function isStream({ declared }: WorkQueue, headers: Headers): boolean {
  const type = declared?.['x-queue-type'];
  return type === 'stream' || (type === undefined && headers['x-stream-offset'] !== undefined);
}

/**
 * Returns how many times a message may return to the queue. `undefined` means no limit. For a stream and for an unknown
 * queue, the limit is 20.
 */
export function returnLimit(queue: WorkQueue, headers: Headers): number | undefined {
  const { declared } = queue;
  if (isStream(queue, headers)) return defaultLimit;
  if (declared && !isQuorum(queue, headers)) return undefined;
  const given = declared?.['x-delivery-limit'];
  if (typeof given !== 'number') return defaultLimit;
  return given < 0 ? undefined : given;
}

/**
 * Reports whether the broker will soon drop the message. It must then be published again before anything else happens.
 */
export function isNearlyDropped(queue: WorkQueue, headers: Headers): boolean {
  const returns = returnsOf(headers);
  return returns >= 0 && returns >= Math.min(mostReturns, returnLimit(queue, headers) ?? Number.POSITIVE_INFINITY);
}

/** Reports whether the broker drops the message at its next return. */
export function isLastReturn(queue: WorkQueue, headers: Headers): boolean {
  const returns = returnsOf(headers);
  return returns >= 0 && returns >= (returnLimit(queue, headers) ?? Number.POSITIVE_INFINITY);
}

/**
 * Reports whether basic.nack with requeue leaves no mark that a later worker would read as a failed attempt. This is
 * true for quorum queues since RabbitMQ 4.3, for streams, and for queues that are deleted with the connection. RabbitMQ
 * 4.0 counts a nack like the end of a consumer, and a classic queue sets `redelivered` in both cases.
 */
export function forgetsReturns(queue: WorkQueue, headers: Headers): boolean {
  if (queue.isOwn || isStream(queue, headers) || headers['x-acquired-count'] !== undefined) return true;
  if (!isQuorum(queue, headers)) return false;
  const [major = 0, minor = 0] = String(queue.server.version).split('.').map(Number);
  return major > 4 || (major === 4 && minor >= 3);
}

/** Returns the number of returns, or -1 for a message that was not returned. */
function returnsOf(headers: Headers): number {
  const returns = headers['x-delivery-count'];
  return typeof returns === 'number' ? returns : -1;
}

function isQuorum({ declared }: WorkQueue, headers: Headers): boolean {
  return (
    declared?.['x-queue-type'] === 'quorum' ||
    headers['x-acquired-count'] !== undefined ||
    headers['x-delivery-count'] !== undefined
  );
}
