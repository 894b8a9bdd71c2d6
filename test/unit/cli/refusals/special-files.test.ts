// Tests pipes, devices and folders that mq cannot use. mq refuses them and does not wait for them.

import { execFileSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';
import { assertRefused } from '../../../support/refusal.ts';

test('a rascal.json that is a pipe or a device is not read', async () => {
  const cwd = emptyFolder();
  execFileSync('mkfifo', ['rascal.json'], { cwd });
  const device = emptyFolder();
  execFileSync('ln', ['-s', '/dev/zero', 'rascal.json'], { cwd: device });
  for (const place of [cwd, device]) {
    const { status, stderr } = await runCli(['task', 'x'], { cwd: place });
    assert.is(status, 78, stderr);
    assert.match(stderr, /^mq task: rascal\.json is not a regular file \[CONFIG\]\nhint: [^\n]*\n$/);
  }
});

test('an endless device is refused', async () => {
  for (const args of [
    ['check', '--config', '/dev/zero'],
    ['check', '/dev/zero'],
    ['wait', '--url-file', '/dev/zero'],
    ['admin', 'whoami', '--ca', '/dev/zero', '--management-url', 'http://127.0.0.1:1'],
    ['wait', '--url', 'amqps://127.0.0.1:1', '--ca', '/dev/zero'],
    ['broker', '--port', '0', '--tls-cert', '/dev/zero', '--tls-key', '/dev/zero'],
  ]) {
    const { status, stderr } = await runCli(args);
    assert.is(status, 66, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, /larger than 16 MiB \[NO_INPUT\]/);
  }
});

test('a header that is nested too deeply is refused', async () => {
  for (const [open, close, depth] of [
    ['{"a":', '}', 15_000],
    ['[', ']', 30_000],
  ] as const) {
    const value = `${open.repeat(depth)}1${close.repeat(depth)}`;
    const { status, stderr } = await runCli(['producer', 'x', '--header', `deep:=${value}`]);
    assert.is(status, 64, stderr);
    assert.match(stderr, /--header deep: its value is nested too deeply \[USAGE\]/);
  }
});

test('mq broker refuses a folder that cannot be created', async () => {
  assertRefused(await runCli(['broker', '--port', '0', '--data', '/proc/no/such']), {
    exit: 73,
    line: /^mq broker: cannot create the store in \/proc\/no\/such: no such file or directory \[CANNOT_CREATE\]$/,
  });
});

test('mq broker refuses a file as its folder', async () => {
  assertRefused(await runCli(['broker', '--port', '0', '--data', '/etc/hostname']), {
    exit: 73,
    line: 'mq broker: cannot create the store in /etc/hostname: not a directory [CANNOT_CREATE]',
  });
});

test('mq test and mq types refuse a folder that cannot be created', async () => {
  const cwd = emptyFolder({ 'a.test.ts': "import { test } from 'mq/test'; test('a', () => {});" });
  for (const args of [
    ['test', '--report', 'junit=/proc/no/such.xml'],
    ['types', '--out', '/proc/no/such'],
  ]) {
    const { status, stderr } = await runCli(args, { cwd });
    assert.is(status, 73, stderr);
  }
});

test.run();
