// Tests command lines of mq bench that mq refuses before it connects.

import { test } from 'uvu';
import { rascal, refuses } from './rows.ts';

const files = rascal({
  vhosts: { '/': { queues: { orders: {} } } },
  publications: { orders: { queue: 'orders' } },
  subscriptions: { orders: { queue: 'orders' } },
});

refuses([
  {
    title: 'consume of a subscription, whose messages would be lost',
    args: ['bench', 'consume', 'orders'],
    files,
    exit: 64,
    line: "mq bench: consume acknowledges the messages of the subscription 'orders', which are then lost [USAGE]",
    hint: '--drop-messages permits that; without a name, mq bench fills a queue of its own',
  },
  {
    title: 'a publication with a schema, which no body of a benchmark matches',
    args: ['bench', 'pipe', 'orders'],
    files: rascal({
      vhosts: { '/': { queues: { orders: {} } } },
      publications: { orders: { queue: 'orders' } },
      subscriptions: { orders: { queue: 'orders' } },
      mq: { publications: { orders: { schema: 'order.json' } } },
    }),
    exit: 64,
    line: "mq bench: the bodies of mq bench do not match the schema of the publication 'orders' [USAGE]",
    hint: 'use a publication without a schema; without a name, mq bench uses a queue of its own',
  },
  {
    title: 'an unknown metric of a threshold',
    args: ['bench', 'pipe', '--threshold', 'p98<50ms'],
    files,
    exit: 64,
    line: /^mq bench: --threshold: unknown metric 'p98'; did you mean 'p90'\? The metrics are p50, p90, p99, /,
    hint: 'mq bench pipe --help',
  },
  {
    title: 'an unknown publication',
    args: ['bench', 'publish', 'order'],
    files,
    exit: 64,
    line: "mq bench: there is no publication 'order'; did you mean 'orders'? [USAGE]",
    hint: 'mq bench publish without a name uses a queue of its own',
  },
  {
    title: 'a number of queues with a name',
    args: ['bench', 'pipe', 'orders', '--queues', '2'],
    files,
    exit: 64,
    line: "mq bench: --queues applies to queues of the benchmark, not to 'orders' [USAGE]",
    hint: 'mq bench pipe --help',
  },
  {
    title: 'several processes that would use one queue of the user',
    args: ['bench', 'pipe', 'orders', '--processes', '2'],
    files,
    exit: 64,
    line: 'mq bench: --processes requires queues of the benchmark: with a name, all processes use one queue [USAGE]',
    hint: 'mq bench pipe --help',
  },
  {
    title: 'a rate for consume',
    args: ['bench', 'consume', '--rate', '10'],
    files,
    exit: 64,
    line: "mq bench: 'consume' has no option --rate [USAGE]",
    hint: '--rate is an option of mq bench publish, mq bench pipe, mq bench rpc; mq bench consume --help lists the options of mq bench consume',
  },
  {
    title: 'streams of the benchmark, which would stay if mq is killed',
    args: ['bench', 'pipe', '--queue-type', 'stream'],
    files,
    exit: 64,
    line: 'mq bench: --queue-type stream is not possible, because a stream cannot expire by itself if mq is killed [USAGE]',
    hint: 'with a name, pipe and publish use a stream of rascal.json',
  },
  {
    title: 'a baseline that does not exist',
    args: ['bench', 'pipe', '--baseline', 'old.json'],
    files,
    exit: 66,
    line: 'mq bench: cannot read old.json: no such file or directory [NO_INPUT]',
  },
  {
    title: 'a chart in a folder that does not exist',
    args: ['bench', 'pipe', '--svg', 'missing/latency.svg'],
    files,
    exit: 73,
    line: /^mq bench: cannot write .*latency\.svg: no such file or directory \[CANNOT_CREATE\]$/,
  },
  {
    title: 'a baseline with other settings',
    args: ['bench', 'publish', '--size', '1KiB', '--baseline', 'old.json'],
    files: {
      'old.json':
        '{"type":"result","verb":"publish","rates":{"sent":1,"confirmed":1,"received":0},"lost":0,"duplicates":0,"settings":{"size":100,"persistent":true,"queueType":"quorum","queues":1,"producers":1,"consumers":1,"window":256,"prefetch":256,"processes":1}}',
    },
    exit: 64,
    line: 'mq bench: old.json was measured with other settings: --size 100 (now 1024) [USAGE]',
    hint: 'compare results with the same options, or measure a new baseline',
  },
  ...['31', '536870913', '999999999999'].map((size) => ({
    title: `a body of ${size} bytes`,
    args: ['bench', 'publish', '--size', size],
    files,
    exit: 64,
    line: `mq bench: --size must be from 32 bytes (the marks of the benchmark) to 536870912 (512MiB, the largest message of RabbitMQ), not '${size}' [USAGE]`,
    hint: 'mq bench publish --help',
  })),
  {
    title: 'a chart that would replace the configuration',
    args: ['bench', 'pipe', '--svg', 'rascal.json'],
    files,
    exit: 64,
    line: 'mq bench: --svg would change rascal.json, which this command reads [USAGE]',
    hint: 'write to another file',
  },
]);

test.run();
