// Sets the consumer timeout of a consumer whose messages may be unacknowledged for longer than the broker allows.

import { objectOf, type Plain } from '../../config/plain.ts';

/** RabbitMQ's default consumer timeout. */
const brokerTimeoutMs = 30 * 60_000;

/**
 * Returns the options of basic.consume, with a longer consumer timeout if messages can be unacknowledged for longer
 * than the default. RabbitMQ 4.3 supports the argument for quorum queues and refuses it for others (406). RabbitMQ 4.0
 * ignores it and uses the queue's timeout. `declared` contains the arguments of the queue.
 */
export function withConsumerTimeout(options: Plain, timeoutMs: number | undefined, declared: Plain | undefined): Plain {
  const given = objectOf(options['arguments']);
  const isSet = 'x-consumer-timeout' in { ...declared, ...given };
  if (timeoutMs === undefined || timeoutMs <= brokerTimeoutMs || isSet) return options;
  if (declared?.['x-queue-type'] !== 'quorum') return options;
  return { ...options, arguments: { ...given, 'x-consumer-timeout': timeoutMs } };
}
