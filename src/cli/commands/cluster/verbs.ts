// Defines the verbs of mq cluster: help, options, the nodes that they accept, and their functions.

import { requireDockerHost } from '../../../cluster/docker-host.ts';
import { clusterOptions, clusterVerbOptions } from '../../arguments/cluster-options.ts';
import type { Option } from '../../arguments/option.ts';
import type { Values } from '../../arguments/values.ts';
import type { Verb, Verbs } from '../../command.ts';
import type { Job } from './job.ts';
import { printLogs } from './logs.ts';
import { heal, partition, resume, start, stop, verbOfFault } from './nodes.ts';
import { down, forget } from './remove.ts';
import { list, status, url } from './show.ts';
import { join, up } from './up.ts';

interface Row {
  readonly summary: string;
  readonly options: readonly Option[];
  readonly examples: readonly string[];
  /** Number of nodes that the arguments must name. */
  readonly nodes: keyof typeof usages;
  readonly run: (job: Job) => Promise<number | undefined>;
}

const usages = { none: '', one: '<node>', some: '<node…>', any: '[node…]' } as const;
const { waiting, other } = clusterVerbOptions;

const rows: Readonly<Record<string, Row>> = {
  up: {
    summary: 'start a cluster and wait until every node is ready',
    options: clusterVerbOptions.up,
    examples: ['eval "$(mq cluster up)"    # sets MQ_URL and MQ_CLUSTER', 'mq cluster up --name lab --nodes 5 --apply'],
    nodes: 'none',
    run: up,
  },
  status: {
    summary: 'print nodes, alarms and queues; exit with 1 if one is faulty',
    options: other,
    examples: ['mq cluster status', 'mq cluster status --json | jq .problems'],
    nodes: 'none',
    run: status,
  },
  list: {
    summary: 'list the clusters on this machine',
    options: clusterOptions,
    examples: ['mq cluster list'],
    nodes: 'none',
    run: list,
  },
  url: {
    summary: 'print the addresses of nodes, including the password',
    options: clusterVerbOptions.url,
    examples: ['mq cluster url', 'mq cluster url mq1 --of management', 'eval "$(mq cluster url --env)"'],
    nodes: 'any',
    run: url,
  },
  logs: {
    summary: 'print the logs of all nodes, or of the named ones',
    options: clusterVerbOptions.logs,
    examples: ['mq cluster logs --tail 20', 'mq cluster logs mq1 --follow'],
    nodes: 'any',
    run: printLogs,
  },
  stop: {
    summary: 'stop nodes, if a majority keeps running',
    options: clusterVerbOptions.stop,
    examples: ['mq cluster stop mq3', 'mq cluster stop mq2 mq3 --force'],
    nodes: 'some',
    run: stop,
  },
  start: {
    summary: 'start nodes that were stopped or killed',
    options: waiting,
    examples: ['mq cluster start mq3'],
    nodes: 'some',
    run: start,
  },
  kill: {
    summary: 'end nodes with SIGKILL, without any check',
    options: other,
    examples: ['mq cluster kill mq1'],
    nodes: 'some',
    run: verbOfFault('kill', 'killed'),
  },
  pause: {
    summary: 'freeze the processes of nodes',
    options: other,
    examples: ['mq cluster pause mq2'],
    nodes: 'some',
    run: verbOfFault('pause', 'paused'),
  },
  resume: {
    summary: 'resume nodes that were paused',
    options: waiting,
    examples: ['mq cluster resume mq2'],
    nodes: 'some',
    run: resume,
  },
  partition: {
    summary: 'cut nodes off from the others, but not from clients',
    options: other,
    examples: ['mq cluster partition mq3'],
    nodes: 'some',
    run: partition,
  },
  heal: {
    summary: 'undo stop, kill, pause and partition on all nodes',
    options: waiting,
    examples: ['mq cluster heal'],
    nodes: 'none',
    run: heal,
  },
  join: {
    summary: 'add a new node',
    options: clusterVerbOptions.join,
    examples: ['mq cluster join', 'mq cluster join --grow'],
    nodes: 'none',
    run: join,
  },
  forget: {
    summary: 'remove a node that is down, with its data',
    options: other,
    examples: ['mq cluster kill mq1 && mq cluster forget mq1'],
    nodes: 'one',
    run: forget,
  },
  down: {
    summary: 'remove the cluster with all its data, without asking',
    options: clusterVerbOptions.down,
    examples: ['mq cluster down', 'mq cluster down --all'],
    nodes: 'none',
    run: down,
  },
};

/** Returns the verbs in the order of the help. */
export function clusterVerbs(configOf: Job['configOf']): Verbs {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, verbOf(name, row, configOf)]));
}

function verbOf(name: string, { summary, options, examples, nodes, run }: Row, configOf: Job['configOf']): Verb {
  return {
    usage: usages[nodes],
    summary,
    options,
    examples,
    async run(context, values) {
      refuseWrongCount(name, nodes, values);
      await requireDockerHost(context);
      return (await run({ context, values, hosts: values.args, configOf })) ?? 0;
    },
  };
}

function refuseWrongCount(name: string, nodes: Row['nodes'], values: Values): void {
  if (nodes === 'none') values.expectAtMost(0);
  if (nodes === 'one' && values.args.length !== 1) throw values.usage(`'${name}' requires one node, such as mq1`);
  if (nodes === 'some' && values.args.length === 0)
    throw values.usage(`'${name}' requires at least one node, such as mq1`);
}
