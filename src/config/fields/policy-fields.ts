// Lists the fields of policies and operator policies in rascal.json. The keys of a definition are those that RabbitMQ 4.0.5
// and 4.3.6 accept without plugins.

import { choice, type Field, type Fields, group, keyed, milliseconds, name, text, whole } from './field.ts';

const limits: Fields = {
  'message-ttl': milliseconds('Time after which a message is removed'),
  expires: milliseconds('Time after which an unused queue is deleted', 1),
  'max-length': whole('Maximum number of messages'),
  'max-length-bytes': whole('Maximum size in bytes'),
  overflow: choice('Behaviour when the queue is full', ['drop-head', 'reject-publish', 'reject-publish-dlx']),
  'delivery-limit': { is: ['integer'], description: 'Maximum number of unsuccessful deliveries; -1: no limit' },
  'max-in-memory-length': whole('RabbitMQ ignores it'),
  'max-in-memory-bytes': whole('RabbitMQ ignores it'),
  'queue-version': whole('Version of classic queues; RabbitMQ 4.3 has only version 2', { min: 1, max: 2 }),
  'target-group-size': whole('Number of members of a quorum queue', { min: 1 }),
  'delayed-retry-type': text('Which messages of a quorum queue are retried later (RabbitMQ 4.3)'),
  'delayed-retry-min': milliseconds('Shortest pause before a retry (RabbitMQ 4.3)'),
  'delayed-retry-max': milliseconds('Longest pause before a retry (RabbitMQ 4.3)'),
};

const settings: Fields = {
  ...limits,
  'dead-letter-exchange': name('Exchange for dead letters'),
  'dead-letter-routing-key': name('Routing key of dead letters'),
  'dead-letter-strategy': choice('Delivery guarantee for dead letters', ['at-most-once', 'at-least-once']),
  'alternate-exchange': name('Exchange for unroutable messages of an exchange'),
  'queue-leader-locator': choice('Placement of the leader', ['client-local', 'balanced']),
  'queue-mode': choice('It has no effect since RabbitMQ 3.12', ['default', 'lazy']),
  'consumer-timeout': milliseconds('Time limit for the acknowledgement of a message'),
  'consumer-disconnected-timeout': milliseconds('Time to wait for a consumer whose node is down (RabbitMQ 4.3)'),
  'max-age': text('Maximum age of a message in a stream, for example 7D'),
  'stream-max-segment-size-bytes': whole('Size of a segment file of a stream', { min: 1 }),
  'stream-filter-size-bytes': whole('Size of the filter of a stream', { min: 16, max: 255 }),
  'initial-cluster-size': whole('Number of members of a new stream', { min: 1 }),
};

/** Values of `applyTo`. */
const targets = ['all', 'queues', 'classic_queues', 'quorum_queues', 'streams', 'exchanges'];

function policiesField(what: string, { keys, applyTo }: { keys: Fields; applyTo: string }): Field {
  const policy = group(
    `One of the ${what}`,
    {
      pattern: text('Regular expression (PCRE) for the names on the broker: ^orders\\.'),
      applyTo: choice(`Kinds of objects to which it applies; default ${applyTo}`, targets),
      priority: {
        is: ['number'],
        description: 'If several match, the one with the highest priority applies; default 0',
      },
      // A plugin may define other keys.
      definition: group('Settings of the objects that match', keys, { open: true }),
    },
    { required: ['pattern', 'definition'] },
  );
  return keyed(
    `The ${what} that mq apply creates, by vhost`,
    keyed(`The ${what} of a vhost by name`, policy, { keyBytes: 255 }),
  );
}

export const policies = policiesField('policies', { keys: settings, applyTo: 'all' });
/** RabbitMQ: an operator policy limits what policies and arguments set, so it has fewer keys. */
export const operatorPolicies = policiesField('operator policies', { keys: limits, applyTo: 'queues' });

/** Returns the keys of a definition that RabbitMQ accepts without plugins. */
export function definitionKeys(kind: 'policies' | 'operatorPolicies'): readonly string[] {
  return Object.keys(kind === 'policies' ? settings : limits);
}
