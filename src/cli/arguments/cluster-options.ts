// The options of mq cluster, by verb.

import type { Option } from './option.ts';
import { always, configuration, json } from './shared-options.ts';

/** Options of the verbs that work on an existing cluster. */
const shared: readonly Option[] = [
  { name: 'name', value: 'NAME', help: 'use this cluster', default: 'MQ_CLUSTER, else the only one' },
  json,
  ...always,
];
const timeout: Option = {
  name: 'timeout',
  value: 'DURATION',
  help: 'wait at most this long for the nodes to be ready',
  default: '120s',
};

/** Options of every verb. */
export const clusterOptions: readonly Option[] = [json, ...always];

export const clusterVerbOptions = {
  up: [
    { name: 'name', value: 'NAME', help: 'give the cluster this name', default: 'a random one' },
    { name: 'nodes', value: 'N', help: 'start N nodes', default: '3' },
    { name: 'version', value: 'VERSION', help: 'run this version of RabbitMQ', default: '4.3' },
    {
      name: 'image',
      value: 'IMAGE',
      help: 'run this container image',
      default: 'MQ_IMAGE, else the official one of the version',
    },
    {
      name: 'port',
      value: 'N',
      help: 'publish the AMQP port of the first node on N; each further node uses ports that are 100 higher',
      default: 'free ports',
    },
    { name: 'apply', help: 'declare the topology of rascal.json' },
    configuration,
    timeout,
    json,
    ...always,
  ],
  list: clusterOptions,
  url: [
    {
      name: 'of',
      value: 'WHAT',
      words: ['amqp', 'management', 'web-stomp', 'prometheus'],
      help: 'print the addresses of amqp, management, web-stomp or prometheus',
      default: 'amqp',
    },
    { name: 'env', help: 'print shell commands for eval, as up does' },
    ...shared,
  ],
  logs: [
    { name: 'tail', value: 'N', help: 'print only the last N lines of each node', default: 'all; 10 with --follow' },
    { name: 'follow', help: 'print new lines until a signal' },
    ...shared,
  ],
  stop: [{ name: 'force', help: 'stop the nodes even if queues or the cluster lose their majority' }, ...shared],
  join: [{ name: 'grow', help: 'give every quorum queue a member on the new node' }, timeout, ...shared],
  down: [{ name: 'all', help: 'remove every cluster that mq cluster up has started' }, ...shared],
  /** Options of the verbs that wait until nodes are ready. */
  waiting: [timeout, ...shared],
  /** Options of the other verbs. */
  other: shared,
} as const satisfies Record<string, readonly Option[]>;
