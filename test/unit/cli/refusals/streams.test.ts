// Tests that a bad offset of a stream never reaches the broker.

import { test } from 'uvu';
import { type Row, rascal, refuses } from './rows.ts';

const queue = (type: string) => ({ options: { durable: true, arguments: { 'x-queue-type': type } } });
const files = rascal({
  vhosts: { '/': { queues: { events: queue('stream'), tasks: queue('quorum'), other: queue('stream') } } },
  subscriptions: { events: { queue: 'events' }, tasks: { queue: 'tasks' }, other: { queue: 'other' } },
  mq: { retry: { deadLetter: false } },
});
const hint = 'mq subscribe --help';

const offsets: readonly (readonly [string, RegExp])[] = [
  ['-1', /--offset '-1' is not valid: an offset is not negative; the first message is at first \[USAGE\]$/],
  ['soon', /--offset 'soon' is not valid: an offset is first, last, next, a number, 10m .* \[USAGE\]$/],
  ['10x', /--offset '10x' is not valid: an offset is first, .* \[USAGE\]$/],
  ['10M', /--offset '10M' is not valid: M means months .* \[USAGE\]$/],
  ['99999999999999999999', /is not valid: the highest offset is 9007199254740991 \[USAGE\]$/],
  ['2026-12-01', /is not valid: a time is a date, a time and a time zone: 2026-12-01T08:00:00Z \[USAGE\]$/],
];

refuses([
  ...offsets.map(
    ([offset, line]): Row => ({
      title: `--offset ${offset}`,
      args: ['subscribe', 'events', `--offset=${offset}`],
      files,
      exit: 64,
      line,
      hint,
    }),
  ),
  {
    title: '--offset on a queue that is not a stream',
    args: ['subscribe', 'tasks', '--offset', 'first'],
    files,
    exit: 64,
    line: "mq subscribe: --offset requires a stream, but the queue 'tasks' is a quorum queue [USAGE]",
    hint,
  },
  {
    title: '--offset-file together with --offset-name',
    args: ['subscribe', 'events', '--offset-file', 'f', '--offset-name', 'n'],
    files,
    exit: 64,
    line: 'mq subscribe: --offset-file and --offset-name exclude each other [USAGE]',
    hint,
  },
  {
    title: 'mq dlq purge of a stream, without --yes',
    args: ['dlq', 'purge', '--queue', 'events'],
    files,
    exit: 78,
    line: "mq dlq: 'events' is a stream, and a stream has no dead letters [TOPOLOGY]",
    hint: 'mq peek events shows its messages; mq declares events.dead with the first message that fails',
  },
  {
    title: 'one offset for two streams',
    args: ['subscribe', 'events', 'other', '--offset-name', 'n'],
    files,
    exit: 64,
    line: 'mq subscribe: --offset-name accepts one subscription, because each stream has its own offset [USAGE]',
    hint,
  },
]);

test.run();
