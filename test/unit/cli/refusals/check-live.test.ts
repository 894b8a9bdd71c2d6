// Tests command lines that mq check --live refuses.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';
import { refuses } from './rows.ts';

refuses([
  ...['--deny-warnings', '--report=github', '--vhost=v', '--all-vhosts', '--url=amqp://h', '--ca=f'].map((option) => {
    const name = option.replace(/=.*/, '');
    return {
      title: `mq check ${name} without --live`,
      args: ['check', option],
      exit: 64,
      line: `mq check: ${name} requires --live [USAGE]`,
      hint: 'mq check --help',
    };
  }),
  {
    title: 'mq check --live with a file',
    args: ['check', '--live', 'rascal.json'],
    exit: 64,
    line: "mq check: unexpected argument 'rascal.json' [USAGE]",
    hint: 'mq check --help',
  },
  {
    title: 'mq check --live with --schema',
    args: ['check', '--live', '--schema'],
    exit: 64,
    line: 'mq check: --live and --schema exclude each other [USAGE]',
    hint: 'mq check --help',
  },
  {
    title: 'mq check --live with an unknown report',
    args: ['check', '--live', '--report', 'junit'],
    exit: 64,
    line: "mq check: --report must be text or github, not 'junit' [USAGE]",
    hint: 'mq check --help',
  },
  {
    title: 'mq check --live with one vhost and all vhosts',
    args: ['check', '--live', '--vhost', 'v', '--all-vhosts'],
    exit: 64,
    line: 'mq check: --vhost and --all-vhosts contradict each other [USAGE]',
    hint: 'mq check --help',
  },
  {
    title: 'mq check --live on a broker that does not answer',
    args: ['check', '--live', '--management-url', 'http://127.0.0.1:1'],
    exit: 69,
    line: 'mq check: the management API at http://127.0.0.1:1: connection refused [UNAVAILABLE]',
    hint: 'the plugin rabbitmq_management serves the API, usually on port 15672 (mq broker: --management-port); --management-url names another address',
  },
]);

test('refuses mq check --live with two kinds of output', async () => {
  const { status, stderr } = await runCli(['check', '--live', '--json', '--report', 'github']);
  assert.is(status, 64);
  assert.is(JSON.parse(stderr).message, '--json and --report exclude each other');
});

test.run();
