// Tests handlers and files that mq refuses before it opens a connection.

import { test } from 'uvu';
import { type Row, refuses } from './rows.ts';

refuses([
  {
    title: 'a missing file for --exec',
    args: ['worker', '--exec', './none.sh'],
    exit: 71,
    line: 'mq worker: cannot run ./none.sh: no such file [SYSTEM]',
    hint: 'check the path: it is relative to the current folder, but in rascal.json to the folder of that file',
  },
  {
    title: 'a command for --exec that is not on PATH',
    args: ['worker', '--exec', 'no-such-command-here'],
    exit: 71,
    line: 'mq worker: cannot run no-such-command-here: no such command on PATH [SYSTEM]',
    hint: 'for a file in this folder write ./no-such-command-here; for shell syntax use sh -c "…"',
  },
  {
    title: 'a file for --exec that is not executable',
    args: ['worker', '--exec', './work.sh'],
    files: { 'work.sh': '#!/bin/sh\n' },
    exit: 71,
    line: /^mq worker: cannot run \.\/work\.sh: .* \[SYSTEM\]$/,
    hint: /chmod/,
  },
  {
    title: 'a folder for --exec',
    args: ['worker', '--exec', '/tmp'],
    exit: 71,
    line: 'mq worker: cannot run /tmp: not a file [SYSTEM]',
    hint: 'name an executable file',
  },
  {
    title: 'an empty command for --exec',
    args: ['worker', '--exec', ''],
    exit: 64,
    line: 'mq worker: exec requires a command [USAGE]',
    hint: '--exec CMD ARGS…',
  },
  {
    title: 'an empty command for --exec-lines',
    args: ['worker', '--exec-lines', ''],
    exit: 64,
    line: 'mq worker: exec-lines requires a command [USAGE]',
    hint: '--exec-lines CMD ARGS…',
  },
  {
    title: '-- without a command for --exec',
    args: ['worker', '--exec', '--'],
    exit: 64,
    line: 'mq worker: exec requires a command [USAGE]',
    hint: '--exec CMD ARGS…',
  },
  ...(
    [
      ['--count', '--exec true --count 1'],
      ['--prefetch=1', '--exec true --prefetch=1 --idle 5'],
      ['--until-empty', '--exec-lines sh -c cat sh --until-empty'],
      [undefined, '--exec -- true --count 1'],
      [undefined, '--exec true --url x'],
    ] as const
  ).map(
    ([option, line]): Row => ({
      title: `${option === undefined ? 'no warning' : `a warning about ${option}`} for ${line}`,
      args: ['worker', ...line.split(' ')],
      exit: 69,
      line: /^mq worker: no broker answers/,
      hint: /./,
      ...(option && {
        before: new RegExp(`^mq worker: ${option} is passed to the command: options of mq belong before`),
      }),
    }),
  ),
  {
    title: 'a missing handler file',
    args: ['worker', '--handler', './none.ts'],
    exit: 66,
    line: /^mq worker: cannot read \.\/none\.ts: no such file.* \[NO_INPUT\]$/,
  },
  {
    title: 'a handler file that is not valid TypeScript',
    args: ['worker', '--handler', './work.ts'],
    files: { 'work.ts': 'export default (message' },
    exit: 78,
    line: /^mq worker: cannot load \.\/work\.ts: .*\/work\.ts:1\) \[CONFIG\]$/,
  },
  {
    title: 'a handler file without a function',
    args: ['worker', '--handler', './work.ts'],
    files: { 'work.ts': 'export default 1' },
    exit: 78,
    line: 'mq worker: cannot use ./work.ts: it has no function as its default export [CONFIG]',
    hint: 'export default (message, context) => { … }',
  },
  {
    title: 'a file of --file in a missing folder',
    args: ['receive-logs', '--file', 'none/log.txt'],
    exit: 73,
    line: 'mq receive-logs: cannot append to none/log.txt: no such file or directory [CANNOT_CREATE]',
  },
  {
    title: 'a folder for --file',
    args: ['receive-logs', '--file', '.'],
    exit: 73,
    line: /^mq receive-logs: cannot append to \.: .* \[CANNOT_CREATE\]$/,
  },
]);

test.run();
