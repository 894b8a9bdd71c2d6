// Tests command lines and files that mq plan refuses.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';
import { type Row, rascal, refuses } from './rows.ts';

const files = rascal({ vhosts: { '/': { exchanges: { e: { options: { internal: true } } } } } });
const against = ['plan', '--against', 'definitions.json'];
const withDefinitions = (value: unknown) => ({ ...files, 'definitions.json': JSON.stringify(value) });
const vhosts = [{ name: '/' }];

refuses([
  ...[{}, { vhosts: {} }, { mq: { owns: ['orders.*'] } }].map(
    (content): Row => ({
      title: `mq plan with the rascal.json ${JSON.stringify(content)}`,
      args: ['plan'],
      files: rascal(content),
      exit: 78,
      line: 'mq plan: rascal.json defines no vhost, so there is nothing to compare [CONFIG]',
      hint: /"vhosts"/,
    }),
  ),
  {
    title: 'an argument of mq plan',
    args: ['plan', 'rascal.json'],
    exit: 64,
    line: "mq plan: unexpected argument 'rascal.json' [USAGE]",
    hint: 'mq plan --help',
  },
  ...['--url=amqp://127.0.0.1:1', '--management-url=http://127.0.0.1:1'].map(
    (option): Row => ({
      title: `mq plan --against with ${option.replace(/=.*/, '')}`,
      args: [...against, option],
      exit: 64,
      line: `mq plan: --against needs no broker: it excludes ${option.replace(/=.*/, '')} [USAGE]`,
      hint: 'mq plan --help',
    }),
  ),
  ...[['--against', 'd.json'], ['--management-url', 'http://127.0.0.1:1'], ['--trust-management']].map(
    (more): Row => ({
      title: `mq plan --amqp-only with ${more[0]}`,
      args: ['plan', '--amqp-only', ...more],
      exit: 64,
      line: `mq plan: --amqp-only excludes ${more[0]} [USAGE]`,
      hint: 'mq plan --help',
    }),
  ),
  ...[['--markdown'], []].map(
    (more): Row => ({
      title: `mq plan --out with the name of rascal.json ${more}`,
      args: ['plan', ...more, '--out', './rascal.json'],
      files,
      exit: 64,
      line: 'mq plan: --out would change rascal.json, which this command reads [USAGE]',
      hint: 'write to another file',
    }),
  ),
  {
    title: 'mq plan --out with the file of --against',
    args: [...against, '--out', 'definitions.json'],
    files: withDefinitions({ vhosts, exchanges: [], queues: [], bindings: [] }),
    exit: 64,
    line: 'mq plan: --out would change definitions.json, which this command reads [USAGE]',
    hint: 'write to another file',
  },
  {
    title: 'mq plan with a broker that does not answer',
    args: ['plan', '--management-url', 'http://127.0.0.1:1', '--trust-management'],
    files,
    exit: 69,
    line: 'mq plan: the management API at http://127.0.0.1:1: connection refused [UNAVAILABLE]',
    hint: /rabbitmq_management/,
    everyStyle: true,
  },
  {
    title: 'mq plan with a namespace that is unique in each run',
    args: ['plan'],
    files: rascal({ vhosts: { shop: { namespace: true, queues: ['q'] } } }),
    exit: 78,
    line: `mq plan: the vhost 'shop' has other names in each run ("namespace": true) [CONFIG]`,
    hint: 'mq plan compares names: set a text as the namespace, or remove it',
  },
  {
    title: 'a missing file of mq plan --against',
    args: against,
    files,
    exit: 66,
    line: 'mq plan: cannot read definitions.json: no such file or directory [NO_INPUT]',
  },
  {
    title: 'a file of mq plan --against that is not JSON',
    args: against,
    files: { ...files, 'definitions.json': '{' },
    exit: 65,
    line: 'mq plan: definitions.json is not JSON [BAD_DATA]',
  },
  {
    title: 'a file of mq plan --against that has no definitions',
    args: against,
    files: withDefinitions({ queues: [] }),
    exit: 65,
    line: 'mq plan: definitions.json has no exported definitions: it lacks the lists exchanges, queues, bindings [BAD_DATA]',
    hint: 'mq admin export definitions FILE writes such a file',
  },
  {
    title: 'definitions without a vhost of the file',
    args: against,
    files: withDefinitions({ vhosts: [{ name: 'shop' }], exchanges: [], queues: [], bindings: [] }),
    exit: 65,
    line: "mq plan: definitions.json does not contain the vhost '/' [BAD_DATA]",
    hint: 'mq admin export definitions FILE exports all vhosts',
  },
  {
    title: 'definitions that do not show whether an internal exchange exists',
    args: against,
    files: withDefinitions({ vhosts, exchanges: [{ name: 'x', vhost: '/', type: 'topic' }], queues: [], bindings: [] }),
    exit: 65,
    line: "mq plan: definitions.json does not show whether the internal exchange 'e' exists [BAD_DATA]",
    hint: 'RabbitMQ does not export internal exchanges; mq plan without --against reads the broker',
  },
  {
    title: 'a folder of mq plan --out that does not exist',
    args: [...against, '--out', 'none/plan.txt'],
    files: withDefinitions({
      vhosts,
      exchanges: [{ name: 'e', vhost: '/', internal: true }],
      queues: [],
      bindings: [],
    }),
    exit: 73,
    line: 'mq plan: cannot write none/plan.txt: no such file or directory [CANNOT_CREATE]',
  },
]);

test('refuses two forms of output', async () => {
  const { status, stderr } = await runCli(['plan', '--json', '--markdown']);
  assert.is(status, 64);
  assert.is(JSON.parse(stderr).message, '--json and --markdown exclude each other');
});

test.run();
