// Computes what the delays of rascal.json (`mq.publications`) need on the broker.

import { type Config, namePrefix, type PublicationConfig } from '../config/config.ts';
import type { DelayDestination } from './destination.ts';
import {
  type DelayObjects,
  defaultDelayName,
  deliveryObjects,
  levelObjects,
  levelQueues,
  unroutableName,
  waitObjects,
} from './objects.ts';

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

/** A queue in which delayed messages wait, by the broker's name. */
export interface WaitingPlace {
  readonly vhost: string;
  readonly name: string;
  /** Set for a queue whose messages all have the same destination. */
  readonly destination?: DelayDestination;
  /** `true` for the queue of messages that could not be delivered. */
  readonly isUnroutable: boolean;
}

/** Returns the queues in which delayed messages of a vhost wait, in the order in which a message passes them. */
export function waitingPlaces(config: Config, vhost: string): WaitingPlace[] {
  const name = delayName(config, vhost);
  const fixed = Object.entries(config.delays).flatMap(([publication, delay]) => {
    const destination = destinationIn(config, vhost, config.publications[publication]);
    if (destination === undefined || typeof delay !== 'number') return [];
    const { queues } = waitObjects(name, delay, destination);
    return queues.map((queue) => ({ vhost, name: queue.name, destination, isUnroutable: false }));
  });
  return [
    ...fixed,
    ...levelQueues(name).map((queue) => ({ vhost, name: queue, isUnroutable: false })),
    { vhost, name: unroutableName(name), isUnroutable: true },
  ];
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

/** Returns the exchange and key of a publication with the broker's names, or `undefined` if it is not of the vhost. */
export function destinationIn(
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
