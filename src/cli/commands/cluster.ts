// mq cluster: starts, inspects, stops and repairs RabbitMQ nodes in containers. Its state is stored in Docker labels.

import type { Config } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { clusterOptions } from '../arguments/cluster-options.ts';
import type { Command } from '../command.ts';
import { clusterVerbs } from './cluster/verbs.ts';

export function clusterCommand(configOf: (context: Context) => Promise<Config>): Command {
  return {
    name: 'cluster',
    summary: 'run RabbitMQ nodes in containers, and make them fail',
    usage: '',
    options: clusterOptions,
    group: 'Broker',
    topic: 'clusters',
    verbs: clusterVerbs(configOf),
    examples: [
      'eval "$(mq cluster up)"    # sets MQ_URL and MQ_CLUSTER',
      'mq cluster up --name lab --nodes 5 --version 4.0 --apply',
      'mq cluster status',
      'mq cluster kill mq1 && mq cluster forget mq1 && mq cluster join --grow',
      'mq cluster partition mq3; mq cluster heal',
      'mq cluster down',
    ],
  };
}
