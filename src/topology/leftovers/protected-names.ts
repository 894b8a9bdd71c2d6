// Knows the queues and exchanges that mq never deletes, because something else than a rascal.json manages them.

import type { TopologyExchange, TopologyQueue } from '../topology.ts';

/** Prefixes of names that brokers, plugins and frameworks create and delete themselves. */
const prefixes = [
  'amq.',
  // Plugins of RabbitMQ: MQTT, STOMP, and federation.
  'mqtt-subscription-',
  'stomp-subscription-',
  'federation: ',
  // Delays of NServiceBus and Celery. Their queues contain messages that are not due yet.
  'nsb.delay-',
  'nsb.v2.delay-',
  'celery_delayed_',
];
/** The health check of the management API. */
const aliveness = 'aliveness-test';
/** The holding queue of mq apply --replace. It contains the messages of the queue that is replaced. */
const holding = '.mq-replace';

/**
 * Reports whether mq never deletes the queue.
 * @param isOfFile reports whether rascal.json defines a queue of the name
 */
export function isProtectedQueue(
  { name, exclusive, arguments: all }: TopologyQueue,
  isOfFile: (name: string) => boolean,
): boolean {
  const work = workQueueOf(name);
  // The wait queue of an exclusive queue expires.
  const isOfFailures = work !== undefined && (isOfFile(work) || all['x-expires'] !== undefined);
  return exclusive || isOfFailures || isReserved(name);
}

/** The plugin for delayed messages keeps them in the exchange, where they cannot be counted. */
export function isProtectedExchange({ name, type, internal }: TopologyExchange): boolean {
  return internal || type === 'x-delayed-message' || name === '' || isReserved(name);
}

function isReserved(name: string): boolean {
  return name === aliveness || name.endsWith(holding) || prefixes.some((prefix) => name.startsWith(prefix));
}

/** Returns the queue whose failed messages or offsets a queue of this name stores: config/retry-queues.ts. */
function workQueueOf(name: string): string | undefined {
  return /^(.*)\.(?:retry\.\d+|dead|offset\.[^.]+)$/s.exec(name)?.[1];
}
