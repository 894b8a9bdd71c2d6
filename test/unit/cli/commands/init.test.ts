// Tests that the templates of mq init are valid, and that mq init does not overwrite a file.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { templateNames } from '../../../../src/cli/commands/init/templates.ts';
import { runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';

test('every template passes mq check for RabbitMQ 4.0 and 4.3', async () => {
  for (const name of templateNames) {
    const cwd = emptyFolder();
    const made = await runCli(['init', name], { cwd });
    assert.equal([made.status, made.stdout], [0, 'rascal.json\n']);
    assert.match(made.stderr, /^next:\n {2}mq broker /);
    for (const target of ['4.0', '4.3']) {
      const { status, stdout } = await runCli(['check', '--target', target], { cwd });
      assert.is(status, 0, stdout);
      assert.match(stdout, new RegExp(`^rascal\\.json: valid for RabbitMQ ${target} \\(2 roles`));
    }
  }
});

test('mq init does not overwrite a file, and --config names another file', async () => {
  const cwd = emptyFolder({ 'rascal.json': 'mine' });
  const { status, stderr } = await runCli(['init'], { cwd });
  assert.equal(
    [status, stderr],
    [
      73,
      'mq init: rascal.json already exists [CANNOT_CREATE]\nhint: --config FILE writes another file; mq check checks this one\n',
    ],
  );
  assert.is(readFileSync(join(cwd, 'rascal.json'), 'utf8'), 'mine');
  const other = await runCli(['init', '--config', 'other.json'], { cwd });
  assert.match(other.stderr, '  mq do-jobs --config other.json ');
  assert.is((await runCli(['init', '--config', 'no/folder.json', '--json'], { cwd })).status, 73);
});

test('mq init refuses an unknown template and lists the templates', async () => {
  const { status, stderr } = await runCli(['init', 'queue']);
  assert.is(status, 64);
  assert.match(
    stderr,
    /^mq init: there is no 'mq init queue' \[USAGE\]\nhint: mq init has worker, rpc, topic, logs\n$/,
  );
});

test.run();
