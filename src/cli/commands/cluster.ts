// mq cluster: starts, inspects, disturbs and repairs RabbitMQ nodes in containers. Docker labels hold the state.

import { heedDockerHost } from '../../cluster/docker-host.ts';
import type { Config } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { wordOf } from '../arguments/program.ts';
import type { Command } from '../command.ts';
import { runVerb, type Verb, verbs } from './cluster/verbs.ts';

export function clusterCommand(configOf: (context: Context) => Promise<Config>): Command {
  const names = Object.keys(verbs) as Verb[];
  return {
    name: 'cluster',
    summary: 'run RabbitMQ nodes in containers, and disturb them',
    usage: `${names.join('|')} [node…]`,
    options: 'cluster',
    group: 'Broker',
    notes: names.map((name) => [`${name}${verbs[name].usage}`, verbs[name].summary]),
    examples: [
      'eval "$(mq cluster up)"    # sets MQ_URL and MQ_CLUSTER',
      'mq cluster up --name lab --nodes 5 --version 4.0 --apply',
      'mq cluster status',
      'mq cluster kill mq1 && mq cluster forget mq1 && mq cluster join --grow',
      'mq cluster partition mq3; mq cluster heal',
      'mq cluster down',
    ],
    async run(context, values) {
      const verb = wordOf(values, names);
      const hosts = values.args.slice(1);
      const { options, nodes } = verbs[verb];
      for (const name of values.given) {
        if (!options.includes(name) && !everywhere.includes(name))
          throw values.usage(`cluster ${verb} has no --${name}`);
      }
      if (nodes === 'none') values.expectAtMost(1);
      if (nodes === 'one' && hosts.length !== 1) throw values.usage(`cluster ${verb} requires one node, such as mq1`);
      if (nodes === 'some' && hosts.length === 0)
        throw values.usage(`cluster ${verb} requires one node or several, such as mq1`);
      await heedDockerHost(context);
      return runVerb(verb, { context, values, hosts, configOf });
    },
  };
}

const everywhere = ['name', 'json', 'debug', 'help'];
