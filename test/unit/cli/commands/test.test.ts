// mq test refuses wrong arguments before it runs a file.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';
import { assertRefused } from '../../../support/refusal.ts';

const passes = "import { test } from 'mq/test';\ntest('a', () => {});";

for (const [named, args, exit, line, hint] of [
  [
    'a file that does not exist',
    ['missing.test.ts'],
    66,
    'mq test: no such file or folder: missing.test.ts [NO_INPUT]',
    undefined,
  ],
  [
    'a folder without tests',
    [],
    66,
    'mq test: there is no test file in this folder [NO_INPUT]',
    /^a test file is named/,
  ],
  [
    'a shard outside the range',
    ['--shard', '3/2'],
    64,
    "mq test: --shard must be I/N, the I-th of N parts, not '3/2' [USAGE]",
    'mq test --help',
  ],
  [
    'an unknown target',
    ['--on', 'moon'],
    64,
    'mq test: --on must be embedded, cluster, or an address: amqp://… [USAGE]',
    'mq test --help',
  ],
  [
    'an unknown suite',
    ['--self', 'moon'],
    64,
    /^mq test: there is no suite 'moon'; the suites are routing, /,
    'mq test --help',
  ],
  ['nodes without a cluster', ['--nodes', '3'], 64, 'mq test: --nodes requires --on cluster [USAGE]', 'mq test --help'],
  [
    '--ca without an address',
    ['--ca', 'x.pem'],
    64,
    'mq test: --ca requires --on amqp://… or amqps://… [USAGE]',
    'mq test --help',
  ],
  [
    '--chaos on a cluster',
    ['--chaos', '--on', 'cluster'],
    64,
    'mq test: --chaos requires the embedded broker, because only it can cause these faults [USAGE]',
    /^leave out --on cluster; with --on cluster, tests can use the faults of 'cluster'/,
  ],
  [
    '--chaos-seed on another broker',
    ['--chaos-seed', '3', '--on', 'amqp://h'],
    64,
    'mq test: --chaos-seed requires the embedded broker, because only it can cause these faults [USAGE]',
    /^leave out --on amqp:\/\/h;/,
  ],
  [
    '--chaos with --self',
    ['--self', '--chaos'],
    64,
    'mq test: --chaos and --self cannot be used together [USAGE]',
    'mq test --help',
  ],
  [
    'chaos without a seed',
    ['--chaos=0'],
    64,
    "mq test: --chaos must be a whole number from 1 to 10000, not '0' [USAGE]",
    'mq test --help',
  ],
  [
    'a number of seeds without =',
    ['--chaos', '10'],
    64,
    "mq test: --chaos accepts a value only after '=' [USAGE]",
    "write --chaos=10; if '10' is an argument, put -- before it",
  ],
  ['an unknown report', ['--report', 'html'], 64, /^mq test: there is no report 'html'/, /^reports: /],
] as const) {
  test(`mq test refuses ${named}`, async () => {
    const result = await runCli(['test', ...args], { cwd: emptyFolder() });
    assertRefused(result, { exit, line, ...(hint !== undefined && { hint }) });
  });
}

test('mq test refuses an address without a broker', async () => {
  const cwd = emptyFolder({ 'a.test.ts': passes });
  const { status, stdout, stderr } = await runCli(['test', '--on', 'amqp://127.0.0.1:1'], { cwd });
  assert.is(status, 69);
  assert.is(stdout, '');
  assert.match(stderr, /^mq test: no broker answers at 127\.0\.0\.1:1 .*\[UNAVAILABLE\]\nhint: /);
});

test('mq test refuses an invalid rascal.json before any file runs', async () => {
  const cwd = emptyFolder({ 'a.test.ts': passes, 'rascal.json': '{"vhosts": 3}' });
  const { status, stdout } = await runCli(['test'], { cwd });
  assert.is(status, 78);
  assert.is(stdout, '');
});

test.run();
