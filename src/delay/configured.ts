// Computes what the delays of rascal.json (`mq.publications`) need on the broker.

import { type Config, namePrefix, type PublicationConfig } from '../config/config.ts';
import type { DelayDestination } from './destination.ts';
import { type DelayObjects, defaultDelayName, deliveryObjects, levelObjects, waitObjects } from './objects.ts';

/** Returns the name that the names of all objects begin with in a vhost. */
export function delayName(config: Config, vhost: string): string {
  return namePrefix(config.vhosts[vhost]) + (config.delayName ?? defaultDelayName);
}

/**
 * Returns what the publications of a vhost need: a wait queue for a fixed delay, and for `true` the levels and the queue
 * that delivers to the destination.
 */
export function configuredDelays(config: Config, vhost: string): DelayObjects {
  const name = delayName(config, vhost);
  const delayed = Object.entries(config.delays).flatMap(([publication, delay]) => {
    const destination = destinationIn(config, vhost, config.publications[publication]);
    return destination === undefined || delay === false ? [] : [{ delay, destination }];
  });
  const parts = delayed.map(({ delay, destination }) =>
    delay === true ? deliveryObjects(name, destination) : waitObjects(name, delay, destination),
  );
  return joined(delayed.some(({ delay }) => delay === true) ? [levelObjects(name), ...parts] : parts);
}

/** Returns the objects of all parts. Objects with the same name are one object. */
function joined(parts: readonly DelayObjects[]): DelayObjects {
  const unique = <Item>(items: readonly Item[]) => [
    ...new Map(items.map((item) => [JSON.stringify(item), item])).values(),
  ];
  return {
    exchanges: unique(parts.flatMap(({ exchanges }) => exchanges)),
    queues: unique(parts.flatMap(({ queues }) => queues)),
    bindings: unique(parts.flatMap(({ bindings }) => bindings)),
  };
}

function destinationIn(
  config: Config,
  vhost: string,
  publication: PublicationConfig | undefined,
): DelayDestination | undefined {
  if (publication?.vhost !== vhost) return undefined;
  const prefix = namePrefix(config.vhosts[vhost]);
  const { exchange, queue, routingKey = '' } = publication;
  if (exchange === undefined || exchange === '') return { exchange: '', routingKey: prefix + (queue ?? routingKey) };
  return { exchange: prefix + exchange, routingKey };
}
