// The options of mq test.

import { trustManagement } from './admin-options.ts';
import type { Option } from './option.ts';
import { always, configuration, connection, login } from './shared-options.ts';

/** Number of seeds of --chaos without a value. */
const defaultSeeds = 3;

export const testing: readonly Option[] = [
  {
    name: 'on',
    value: 'TARGET',
    words: ['embedded', 'cluster'],
    help: 'run the tests on this broker: embedded, cluster (RabbitMQ in containers), or an address amqp://…',
    default: 'embedded',
  },
  { ...connection, help: 'run the tests on the broker of this named connection', default: 'none' },
  { name: 'nodes', value: 'N', help: 'with --on cluster: start N nodes', default: '3' },
  {
    name: 'image',
    value: 'IMAGE',
    help: 'with --on cluster: run this image',
    default: 'MQ_IMAGE, else rabbitmq:4.3-management',
  },
  {
    name: 'management-url',
    value: 'URL',
    help: 'with --on amqp://…: use this management API',
    default: 'MQ_MANAGEMENT_URL, else port 15672 if AMQP is on 5672',
  },
  trustManagement,
  ...login.map((option) => ({ ...option, help: `with --on amqp://…: ${option.help}` })),
  configuration,
  {
    name: 'filter',
    short: 't',
    value: 'TEXT',
    help: 'run only the tests whose name contains the text',
    default: 'all',
  },
  { name: 'verbose', help: 'also print the tests that passed, with their times' },
  { name: 'bail', help: 'stop after the first test that fails' },
  { name: 'timeout', value: 'DURATION', help: 'limit the time of one test', default: '30s, on a cluster 120s' },
  { name: 'seed', value: 'N', help: 'order the files as in the run that printed this seed', default: 'random' },
  { name: 'shard', value: 'I/N', help: 'run only the I-th of N parts of the files', default: 'all' },
  { name: 'jobs', value: 'N', help: 'run at most N files at the same time', default: 'half the CPUs, at least 2' },
  { name: 'watch', help: 'run the tests again when a file of the folder changes' },
  {
    name: 'chaos',
    value: 'SEEDS',
    bare: String(defaultSeeds),
    help: `run each test again SEEDS times (${defaultSeeds} without a value), while the broker repeats, reorders and delays messages and closes connections (mq help chaos)`,
    default: 'no faults',
  },
  { name: 'chaos-seed', value: 'N', help: 'run each test again with the faults of this seed', default: 'no faults' },
  { name: 'self', help: 'run the suites that are built into mq' },
  {
    name: 'report',
    value: 'NAME[=FILE]',
    words: ['text', 'tap', 'junit', 'json', 'github'],
    repeats: true,
    help: 'report as text, tap, junit, json or github, to stdout or to a file',
    default: 'text',
  },
  { name: 'report-file', value: 'FILE', help: 'write the last --report to this file', default: 'stdout' },
];

/** Options of `mq test merge`. */
export const testMerge: readonly Option[] = [
  ...testing.filter(({ name }) => ['report', 'report-file', 'verbose'].includes(name)),
  ...always,
];
