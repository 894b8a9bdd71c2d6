// Tests command lines and files that mq apply refuses.

import { test } from 'uvu';
import { type Row, rascal, refuses } from './rows.ts';

const files = rascal({ vhosts: { '/': { queues: ['q'] } } });
const withPlan = (plan: unknown) => ({ ...files, 'plan.json': typeof plan === 'string' ? plan : JSON.stringify(plan) });
const args = ['apply', 'plan.json', '--yes'];
const hint = 'mq plan --json --out FILE writes a plan';

refuses([
  ...[{}, { vhosts: {} }, { mq: { owns: ['orders.*'] } }].map(
    (content): Row => ({
      title: `mq apply with the rascal.json ${JSON.stringify(content)}`,
      args: ['apply', '--yes'],
      files: rascal(content),
      exit: 78,
      line: 'mq apply: rascal.json defines no vhost, so there is nothing to compare [CONFIG]',
      hint: /"vhosts"/,
    }),
  ),
  {
    title: 'mq apply --drop-messages without --prune',
    args: ['apply', '--yes', '--drop-messages'],
    files,
    exit: 64,
    line: 'mq apply: --drop-messages requires --prune [USAGE]',
    hint: 'mq apply --help',
  },
  {
    title: 'mq apply without a terminal and without --yes',
    args: ['apply'],
    files,
    exit: 64,
    line: 'mq apply: apply changes the broker: without a terminal it requires --yes [USAGE]',
    hint: 'mq apply --help',
    everyStyle: true,
  },
  {
    title: 'two arguments of mq apply',
    args: [...args, 'other.json'],
    files,
    exit: 64,
    line: "mq apply: unexpected argument 'other.json' [USAGE]",
    hint: 'mq apply --help',
  },
  {
    title: 'a missing plan of mq apply',
    args,
    files,
    exit: 66,
    line: 'mq apply: cannot read plan.json: no such file or directory [NO_INPUT]',
  },
  ...['{', '[]', '{"against":"x"}', '{"against":"x","vhosts":["/"],"differences":[1]}'].map(
    (plan): Row => ({
      title: `a plan of mq apply with the content ${plan}`,
      args,
      files: withPlan(plan),
      exit: 65,
      line: 'mq apply: plan.json is not a plan [BAD_DATA]',
      hint,
    }),
  ),
  {
    title: 'a plan against definitions',
    args,
    files: withPlan({ against: 'definitions.json', source: 'definitions', vhosts: ['/'], differences: [] }),
    exit: 65,
    line: 'mq apply: plan.json is a plan against exported definitions, not against a broker [BAD_DATA]',
    hint,
  },
  {
    title: 'a plan of --amqp-only',
    args,
    files: withPlan({ against: 'amqp://127.0.0.1', source: 'amqp', vhosts: ['/'], differences: [] }),
    exit: 65,
    line: 'mq apply: plan.json is a plan of --amqp-only, which does not compare everything [BAD_DATA]',
    hint,
  },
  {
    title: 'mq apply with a broker that does not answer',
    args: ['apply', '--yes', '--management-url', 'http://127.0.0.1:1', '--trust-management'],
    files,
    exit: 69,
    line: 'mq apply: the management API at http://127.0.0.1:1: connection refused [UNAVAILABLE]',
    hint: /rabbitmq_management/,
  },
]);

test.run();
