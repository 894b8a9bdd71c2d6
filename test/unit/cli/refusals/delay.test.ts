// Tests command lines of delayed messages that mq refuses.

import { test } from 'uvu';
import { refuses } from './rows.ts';

const help = 'mq task --help';

refuses([
  {
    title: '--delay with --at',
    args: ['task', '--delay', '5s', '--at', '2099-01-01T00:00Z'],
    exit: 64,
    line: 'mq task: --delay and --at are two times; only one is allowed [USAGE]',
    hint: help,
  },
  ...['soon', '98d', '-1', '1w'].map((delay) => ({
    title: `a delay of ${delay}`,
    args: ['task', '--delay', delay],
    exit: 64,
    line: `mq task: --delay must be a duration (90s, 5m, 1h or 30d) of at most 97d, not '${delay}' [USAGE]`,
    hint: help,
  })),
  ...['tomorrow', '2099-01-01', '2099-01-01T00:00', '2099-13-01T00:00Z', '2099-02-30T00:00Z'].map((at) => ({
    title: `the time ${at}`,
    args: ['task', '--at', at],
    exit: 64,
    line: `mq task: --at must be a time with its zone (2026-12-01T08:00Z, 2026-12-01T09:00+01:00), not '${at}' [USAGE]`,
    hint: help,
  })),
  {
    title: 'a time in the past',
    args: ['task', '--at', '2001-01-01T00:00+01:00'],
    exit: 64,
    line: 'mq task: --at 2001-01-01T00:00+01:00 is in the past [USAGE]',
    hint: help,
  },
  {
    title: 'a time that is too far away',
    args: ['task', '--at', '2999-01-01T00:00Z'],
    exit: 64,
    line: 'mq task: --at 2999-01-01T00:00Z is more than 97 days away, which is the longest delay [USAGE]',
    hint: help,
  },
  {
    title: 'the delay of a request',
    args: ['rpc-client', '--delay', '5s', '30'],
    exit: 64,
    line: /^mq rpc-client: there is no option --delay .*\[USAGE\]$|^mq rpc-client: .*--delay.*\[USAGE\]$/,
    hint: /mq rpc-client --help/,
  },
  {
    title: 'the cancellation of no message',
    args: ['delayed', 'cancel'],
    exit: 64,
    line: 'mq delayed: give the id of a message; mq delayed list shows the ids [USAGE]',
    hint: 'mq delayed cancel --help',
  },
  {
    title: 'an unknown publication',
    args: ['delayed', 'list', '--publication', 'nobody'],
    exit: 64,
    line: "mq delayed: there is no publication 'nobody' [USAGE]",
    hint: 'mq delayed list --help',
  },
]);

test.run();
