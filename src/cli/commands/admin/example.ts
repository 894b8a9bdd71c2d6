// Builds the example in the help of an action: its command line with a plausible word for each argument.

import type { Action } from '../../../admin/action.ts';
import { nameOf } from './find-action.ts';

/** Example words by the name of the argument, or by the noun and the argument. */
const words: Readonly<Record<string, string>> = {
  channel: "'127.0.0.1:50312 -> 127.0.0.1:5672 (1)'",
  component: 'shovel',
  configure: "'^orders'",
  connection: "'127.0.0.1:50312 -> 127.0.0.1:5672'",
  definition: `'{"max-length":1000}'`,
  'deprecated-feature': 'transient_nonexcl_queues',
  destination: 'orders',
  exchange: 'events',
  'feature-flag': 'khepri_db',
  file: 'broker.json',
  'global-parameter parameter': 'cluster_tags',
  key: "'order.*'",
  limit: 'max-connections',
  state: 'off',
  name: 'production',
  node: 'rabbit@mq1',
  number: '100',
  'operator-policy': 'limits',
  parameter: 'to-berlin',
  pattern: "'^orders'",
  policy: 'limits',
  port: '5672',
  protocol: 'amqp',
  queue: 'orders',
  read: "'.*'",
  source: 'events',
  tag: 'ctag1',
  tags: 'monitoring',
  unit: 'weeks',
  user: 'anna',
  value: `'{"region":"eu"}'`,
  vhost: 'shop',
  within: '4',
  write: "'^orders'",
};

export function exampleOf(action: Action): string {
  const { args = [], exampleOptions } = action;
  const typed = args.flatMap(({ name }) => words[`${action.noun} ${name}`] ?? words[name] ?? []);
  return ['mq admin', nameOf(action), ...typed, ...(exampleOptions === undefined ? [] : [exampleOptions])].join(' ');
}
