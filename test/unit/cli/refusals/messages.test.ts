// Tests that mq peek and mq dlq refuse bad command lines before they connect.

import { test } from 'uvu';
import { refuses } from './rows.ts';

const peek = 'mq peek --help';
const edit = 'mq dlq edit --help';
const list = 'mq dlq list --help';

refuses([
  {
    title: 'peek without a queue',
    args: ['peek'],
    exit: 64,
    line: 'mq peek: give the name of a queue [USAGE]',
    hint: peek,
  },
  {
    title: 'peek with two queues',
    args: ['peek', 'a', 'b'],
    exit: 64,
    line: "mq peek: unexpected argument 'b' [USAGE]",
    hint: peek,
  },
  {
    title: 'peek --count 0',
    args: ['peek', 'a', '--count', '0'],
    exit: 64,
    line: /--count must be .*'0' \[USAGE\]$/,
    hint: peek,
  },
  {
    title: 'peek with a negative offset',
    args: ['peek', 'a', '--offset=-1'],
    exit: 64,
    line: "mq peek: --offset '-1' is not valid: an offset is not negative; the first message is at first [USAGE]",
    hint: peek,
  },
  {
    title: 'dlq edit without an id',
    args: ['dlq', 'edit', 'task'],
    exit: 64,
    line: 'mq dlq: give the id of a message; mq dlq list shows the ids [USAGE]',
    hint: edit,
  },
  {
    title: 'dlq edit without a terminal',
    args: ['dlq', 'edit', 'task', '1f6a'],
    exit: 64,
    line: 'mq dlq: edit opens an editor, which requires a terminal [USAGE]',
    hint: edit,
  },
  {
    title: 'dlq list --group without a name',
    args: ['dlq', 'list', 'task', '--group', ''],
    exit: 64,
    line: 'mq dlq: --group is empty [USAGE]',
    hint: list,
  },
]);

test.run();
