// Tests pipes and links in place of the files that mq reads. test/unit/cli/refusals tests the files that it refuses.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, executable, mq, startMq } from '../support/mq.ts';

test('mq reads a link to a file, and a named pipe with a writer', async () => {
  const cwd = emptyFolder({ 'own.json': '{}' });
  execFileSync('ln', ['-s', 'own.json', 'rascal.json'], { cwd });
  assert.is((await mq(['check'], { cwd })).status, 0);
  const piped = execFileSync('bash', ['-c', '"$0" check --config <(cat own.json)', executable], { cwd });
  assert.match(piped.toString(), /valid/);
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
    // Opening the pipe for writing succeeds after mq has opened it for reading.
    const writer = execFileSync('bash', ['-c', 'exec 3>pipe; sleep 120 >&- 2>&- & echo $!'], { cwd, timeout: 60_000 });
    try {
      assert.is((await running.stop()).status, 143, args.join(' '));
    } finally {
      process.kill(Number(writer));
    }
  }
});

test.run();
