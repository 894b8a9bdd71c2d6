// Knows which attributes RabbitMQ compares when a client declares an existing queue or exchange. It ignores the others,
// so a client does not notice that they differ.

/** Arguments that queues of all types have. */
const ofAll = ['x-expires', 'x-message-ttl', 'x-dead-letter-exchange', 'x-dead-letter-routing-key', 'x-max-length'];

/** RabbitMQ: the arguments that each type of queue supports. It compares only these. */
const ofTypes: Readonly<Record<string, readonly string[]>> = {
  classic: [
    ...ofAll,
    'x-max-length-bytes',
    'x-max-priority',
    'x-overflow',
    'x-queue-mode',
    'x-queue-version',
    'x-single-active-consumer',
    'x-queue-master-locator',
    'x-queue-leader-locator',
  ],
  quorum: [
    ...ofAll,
    'x-max-length-bytes',
    'x-max-in-memory-length',
    'x-max-in-memory-bytes',
    'x-overflow',
    'x-dead-letter-strategy',
    'x-delivery-limit',
    'x-single-active-consumer',
    'x-quorum-initial-group-size',
    'x-quorum-target-group-size',
    'x-queue-leader-locator',
    'x-consumer-timeout',
    'x-consumer-disconnected-timeout',
    'x-delayed-retry-type',
    'x-delayed-retry-min',
    'x-delayed-retry-max',
  ],
  stream: [
    'x-max-length-bytes',
    'x-max-age',
    'x-stream-max-segment-size-bytes',
    'x-stream-filter-size-bytes',
    'x-initial-cluster-size',
    'x-queue-leader-locator',
  ],
};

/** Reports whether RabbitMQ refuses a declaration whose argument differs from that of the existing queue. */
export function isComparedArgument(queueType: string, argument: string): boolean {
  const known = ofTypes[queueType];
  return known === undefined || known.includes(argument);
}

/** RabbitMQ compares type, durable, auto-delete and internal of exchanges, and this argument. */
export const comparedExchangeArgument = 'alternate-exchange';
