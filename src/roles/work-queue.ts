// What mq knows of the queue that a role consumes from: its type, and how the broker counts the returns of a message.

/** RabbitMQ 4: a quorum queue without `x-delivery-limit` drops a message after so many returns. */
const defaultLimit = 20;
/** Returns after which a message is published again, so that the broker begins to count from zero. */
const mostReturns = 10;

export interface WorkQueue {
  /** The arguments that mq declares it with; undefined: mq does not declare it. */
  readonly declared: Readonly<Record<string, unknown>> | undefined;
  /** It is deleted with its connection. */
  readonly isOwn: boolean;
  /** What the broker says of itself at login. */
  readonly server: { readonly product?: unknown; readonly version?: unknown };
}

type Headers = Readonly<Record<string, unknown>>;

/**
 * Returns the counters in the headers of a delivery that a publisher wrote, because the broker did not. RabbitMQ: only a
 * quorum queue writes them, and `x-delivery-count` only if it delivers the message again.
 */
export function forgedCounters({ declared }: WorkQueue, { redelivered }: { redelivered: boolean }): readonly string[] {
  const type = declared?.['x-queue-type'];
  if (type !== undefined && type !== 'quorum') return ['x-delivery-count', 'x-acquired-count'];
  return redelivered ? [] : ['x-delivery-count'];
}

/** A message of a stream cannot be published again: every reader of the stream would receive the copy. */
export function isStream({ declared }: WorkQueue, headers: Headers): boolean {
  const type = declared?.['x-queue-type'];
  return type === 'stream' || (type === undefined && headers['x-stream-offset'] !== undefined);
}

/** The most times a message may go back to the queue; undefined: no limit. A queue that mq does not know has 20. */
export function returnLimit(queue: WorkQueue, headers: Headers): number | undefined {
  const { declared } = queue;
  if (isStream(queue, headers)) return defaultLimit;
  if (declared && !isQuorum(queue, headers)) return undefined;
  const given = declared?.['x-delivery-limit'];
  if (typeof given !== 'number') return defaultLimit;
  return given < 0 ? undefined : given;
}

/** The broker is about to drop the message: it has to be published again before anything else is done with it. */
export function isNearlyDropped(queue: WorkQueue, headers: Headers): boolean {
  return returnsOf(headers) >= Math.min(mostReturns, returnLimit(queue, headers) ?? Number.POSITIVE_INFINITY);
}

/** The broker drops the message when it comes back once more. */
export function isLastReturn(queue: WorkQueue, headers: Headers): boolean {
  return returnsOf(headers) >= (returnLimit(queue, headers) ?? Number.POSITIVE_INFINITY);
}

/**
 * True if basic.nack with requeue leaves no trace of a failure on the message. RabbitMQ: on quorum queues from 4.3 on; 4.0
 * counts it as it counts the death of a consumer, and a classic queue only sets `redelivered` in both cases.
 */
export function forgetsReturns(queue: WorkQueue, headers: Headers): boolean {
  if (queue.isOwn || isStream(queue, headers) || headers['x-acquired-count'] !== undefined) return true;
  if (!isQuorum(queue, headers)) return false;
  const { product, version } = queue.server;
  const [major = 0, minor = 0] = String(version).split('.').map(Number);
  return product === 'mq' || major > 4 || (major === 4 && minor >= 3);
}

/** Returns -1 for a message that has not come back. */
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
