// Writes the vhost of a rascal.json that declares the topology of a broker.

import type { Plain } from '../config/plain.ts';
import type { Topology, TopologyBinding, TopologyExchange, TopologyQueue } from './topology.ts';

/**
 * Returns a vhost of rascal.json without what a file cannot declare: exclusive queues, queues with names of the broker
 * (`amq.gen-…`), and their bindings. Contains an `amq.*` exchange only if a binding needs it.
 */
export function vhostConfiguration(topology: Topology): Plain {
  const queues = topology.queues.filter(({ name, exclusive }) => !exclusive && !name.startsWith('amq.'));
  const names = {
    queue: new Set(queues.map(({ name }) => name)),
    exchange: new Set(topology.exchanges.map(({ name }) => name)),
  };
  const bindings = topology.bindings.filter(
    ({ source, destination, destinationType }) => names.exchange.has(source) && names[destinationType].has(destination),
  );
  const bound = new Set(
    bindings.flatMap(({ source, destination, destinationType }) =>
      destinationType === 'exchange' ? [source, destination] : [source],
    ),
  );
  const exchanges = topology.exchanges.filter(({ name }) => !name.startsWith('amq.') || bound.has(name));
  return {
    exchanges: Object.fromEntries(exchanges.map((one) => [one.name, exchangeEntry(one)])),
    queues: Object.fromEntries(queues.map((one) => [one.name, queueEntry(one)])),
    bindings: bindings.map(bindingEntry),
  };
}

/** Returns the policies of a vhost as rascal.json defines them. */
export function policiesConfiguration({ policies }: Topology): Plain {
  return Object.fromEntries(
    policies.map(({ name, pattern, applyTo, priority, definition }) => [
      name,
      { pattern, ...(applyTo !== 'all' && { applyTo }), ...(priority !== 0 && { priority }), definition },
    ]),
  );
}

function exchangeEntry({ type, durable, autoDelete, internal, arguments: all }: TopologyExchange): Plain {
  return { type, ...optionsOf({ durable, autoDelete, internal, arguments: all }) };
}

/** The type is always written, because the default queue type of the vhost may change. */
function queueEntry({ type = 'classic', durable, autoDelete, arguments: all }: TopologyQueue): Plain {
  return optionsOf({ durable, autoDelete, arguments: { 'x-queue-type': type, ...all } });
}

function bindingEntry({ source, destination, destinationType, key, arguments: all }: TopologyBinding): Plain {
  return {
    source,
    destination,
    ...(destinationType === 'exchange' && { destinationType }),
    bindingKey: key,
    ...(Object.keys(all).length > 0 && { options: all }),
  };
}

/** Returns the options of a declaration without those that have amqplib's defaults. */
function optionsOf({
  durable,
  autoDelete,
  internal = false,
  arguments: all,
}: {
  durable: boolean;
  autoDelete: boolean;
  internal?: boolean;
  arguments: Plain;
}): { options?: Plain } {
  const options = {
    ...(!durable && { durable }),
    ...(autoDelete && { autoDelete }),
    ...(internal && { internal }),
    ...(Object.keys(all).length > 0 && { arguments: all }),
  };
  return Object.keys(options).length === 0 ? {} : { options };
}
