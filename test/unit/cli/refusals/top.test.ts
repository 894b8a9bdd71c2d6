// Tests command lines that mq top refuses.

import { test } from 'uvu';
import { refuses } from './rows.ts';

refuses([
  {
    title: 'mq top with an argument',
    args: ['top', 'jobs', '--once'],
    exit: 64,
    line: "mq top: unexpected argument 'jobs' [USAGE]",
    hint: 'mq top --help',
  },
  {
    title: 'mq top in a pipe',
    args: ['top'],
    exit: 64,
    line: 'mq top: the output is not a terminal [USAGE]',
    hint: '--once prints one table, --json a line for each sample',
  },
  {
    title: 'mq top with an unknown column',
    args: ['top', '--once', '--sort', 'size'],
    exit: 64,
    line: "mq top: --sort must be ready or unacked or retry or dead or consumers or in or out or memory or name, not 'size' [USAGE]",
    hint: 'mq top --help',
  },
  {
    title: 'mq top with an interval of 0',
    args: ['top', '--once', '--interval', '0'],
    exit: 64,
    line: "mq top: --interval must be a duration (500ms, 30s, 5m or 1h) from 1ms to 24d, not '0' [USAGE]",
    hint: 'mq top --help',
  },
  {
    title: 'mq top with one vhost and all vhosts',
    args: ['top', '--once', '--vhost', 'v', '--all-vhosts'],
    exit: 64,
    line: 'mq top: --vhost and --all-vhosts contradict each other [USAGE]',
    hint: 'mq top --help',
  },
  {
    title: 'mq top on a broker that does not answer',
    args: ['top', '--once', '--management-url', 'http://127.0.0.1:1', '--trust-management'],
    exit: 69,
    line: 'mq top: the management API at http://127.0.0.1:1: connection refused [UNAVAILABLE]',
    hint: 'the plugin rabbitmq_management serves the API, usually on port 15672 (mq broker: --management-port); --management-url names another address',
  },
]);

test.run();
