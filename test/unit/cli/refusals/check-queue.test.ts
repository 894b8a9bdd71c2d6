// Tests command lines that mq admin check queue refuses.

import { test } from 'uvu';
import { refuses } from './rows.ts';

const hint = 'mq admin check queue --help';
const api = ['--management-url', 'http://127.0.0.1:1'];

refuses([
  {
    title: 'mq admin check queue without a limit',
    args: ['admin', 'check', 'queue', 'jobs', ...api],
    exit: 64,
    line: 'mq admin: no limit is given: --max-ready, --max-unacked or --min-consumers [USAGE]',
    hint,
  },
  {
    title: 'mq admin check queue without a queue',
    args: ['admin', 'check', 'queue', '--max-ready', '1'],
    exit: 64,
    line: 'mq admin: give the queue: mq admin check queue <queue> [USAGE]',
    hint,
  },
  {
    title: 'mq admin check queue with a negative limit',
    args: ['admin', 'check', 'queue', 'jobs', '--max-ready=-1', ...api],
    exit: 64,
    line: "mq admin: --max-ready must be a whole number of at least 0, not '-1' [USAGE]",
    hint,
  },
  {
    title: 'mq admin check queue with two queues',
    args: ['admin', 'check', 'queue', 'jobs', 'legacy', '--max-ready', '1', ...api],
    exit: 64,
    line: "mq admin: unexpected argument 'legacy' [USAGE]",
    hint,
  },
  {
    title: 'mq admin check queue with columns',
    args: ['admin', 'check', 'queue', 'jobs', '--max-ready', '1', '--columns', 'ready', ...api],
    exit: 64,
    line: "mq admin: 'check queue' has no option --columns [USAGE]",
    hint: '--columns is an option of mq admin overview, mq admin whoami, mq admin list queues, mq admin show queue, mq admin list exchanges, mq admin show exchange, …; mq admin check queue --help lists the options of mq admin check queue',
  },
  {
    title: 'a line break in the name of a new queue',
    args: ['admin', 'create', 'queue', 'a\nb', ...api],
    exit: 64,
    line: 'mq admin: the name of the queue contains a line break, which RabbitMQ removes [USAGE]',
    hint: 'mq admin create queue --help',
  },
  {
    title: 'mq admin check queue on a broker that does not answer',
    args: ['admin', 'check', 'queue', 'jobs', '--max-ready', '1', ...api],
    exit: 69,
    line: 'mq admin: the management API at http://127.0.0.1:1: connection refused [UNAVAILABLE]',
    hint: 'the plugin rabbitmq_management serves the API, usually on port 15672 (mq broker: --management-port); --management-url names another address',
  },
]);

test.run();
