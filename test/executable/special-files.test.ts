// Pipes and devices in the place of files that mq reads whole: it neither hangs past a signal nor fills the memory.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, executable, mq, startMq } from '../support/mq.ts';

test('a found rascal.json that is a pipe or a device is an error', async () => {
  const cwd = emptyFolder();
  execFileSync('mkfifo', ['rascal.json'], { cwd });
  const device = emptyFolder();
  execFileSync('ln', ['-s', '/dev/zero', 'rascal.json'], { cwd: device });
  for (const place of [cwd, device]) {
    const { status, stderr } = await mq(['task', 'x'], { cwd: place });
    assert.is(status, 78, stderr);
    assert.match(stderr, /^mq task: rascal\.json is not a regular file \[CONFIG\]\nhint: [^\n]*\n$/);
  }
});

test('a link to a regular file, and a named pipe with a writer, are read', async () => {
  const cwd = emptyFolder({ 'own.json': '{}' });
  execFileSync('ln', ['-s', 'own.json', 'rascal.json'], { cwd });
  assert.is((await mq(['check'], { cwd })).status, 0);
  const piped = execFileSync('bash', ['-c', '"$0" check --config <(cat own.json)', executable], { cwd });
  assert.match(piped.toString(), /right/);
  execFileSync('mkfifo', ['late'], { cwd });
  const checking = startMq(['check', '--config', 'late'], { cwd });
  writeFileSync(join(cwd, 'late'), '{}');
  assert.is((await checking.ended).status, 0);
});

test('a signal ends the wait for the writer of a pipe', async () => {
  const cwd = emptyFolder();
  execFileSync('mkfifo', ['pipe'], { cwd });
  for (const [args, env] of [
    [['check', '--config', 'pipe'], {}],
    [['wait', '--url-file', 'pipe'], {}],
    [['wait'], { MQ_URL: 'amqp://u@127.0.0.1:1', MQ_PASSWORD_FILE: 'pipe' }],
    [['admin', 'whoami', '--ca', 'pipe', '--management-url', 'http://127.0.0.1:1'], {}],
  ] as const) {
    const running = startMq(args, { cwd, env });
    // The open for writing succeeds once mq has opened it for reading.
    const writer = execFileSync('bash', ['-c', 'exec 3>pipe; sleep 120 >&- 2>&- & echo $!'], { cwd, timeout: 60_000 });
    try {
      assert.is((await running.stop()).status, 143, args.join(' '));
    } finally {
      process.kill(Number(writer));
    }
  }
});

test('a device without an end is an error', async () => {
  for (const args of [
    ['check', '--config', '/dev/zero'],
    ['check', '/dev/zero'],
    ['wait', '--url-file', '/dev/zero'],
    ['admin', 'whoami', '--ca', '/dev/zero', '--management-url', 'http://127.0.0.1:1'],
    ['wait', '--url', 'amqps://127.0.0.1:1', '--ca', '/dev/zero'],
    ['broker', '--port', '0', '--tls-cert', '/dev/zero', '--tls-key', '/dev/zero'],
  ]) {
    const { status, stderr } = await mq(args);
    assert.is(status, 66, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, /larger than 16 MiB \[NO_INPUT\]/);
  }
});

test('a header that is nested too deeply is an error with a reason', async () => {
  for (const [open, close, depth] of [
    ['{"a":', '}', 15_000],
    ['[', ']', 30_000],
  ] as const) {
    const value = `${open.repeat(depth)}1${close.repeat(depth)}`;
    const { status, stderr } = await mq(['producer', 'x', '--header', `deep:=${value}`]);
    assert.is(status, 64, stderr);
    assert.match(stderr, /--header deep: its value is nested too deeply \[USAGE\]/);
  }
});

test.run();
