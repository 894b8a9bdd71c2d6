// mq init: every template is right as it is, and its roles do what the next steps say.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { templateNames } from '../../src/cli/commands/init/templates.ts';
import { emptyFolder, mq, startMq } from '../support/mq.ts';

const init = suite('mq init');

init('every template passes mq check, for 4.0 and 4.3 as well', async () => {
  for (const name of templateNames) {
    const cwd = emptyFolder();
    const made = await mq(['init', name], { cwd });
    assert.equal([made.status, made.stdout], [0, 'rascal.json\n']);
    assert.match(made.stderr, /^next:\n {2}mq broker /);
    for (const target of ['4.0', '4.3']) {
      const { status, stdout } = await mq(['check', '--target', target], { cwd });
      assert.is(status, 0, stdout);
      assert.match(stdout, new RegExp(`^rascal\\.json: right for RabbitMQ ${target} \\(2 roles`));
    }
  }
});

init('the roles of every template work on mq broker', async () => {
  const broker = startMq(['broker', '--port', '0', '--json']);
  const { url } = JSON.parse(await broker.prints(/\n/)) as { url: string };
  const env = { MQ_URL: url };
  const conversations = [
    ['worker', ['do-jobs', '--count', '1'], ['add-job', 'photo-1.jpg'], 'photo-1.jpg\n'],
    ['topic', ['billing', '--count', '1'], ['tell-order', 'order.refunded', 'seven'], 'seven\n'],
    ['logs', ['listen', '--count', '1'], ['tell', 'started'], 'started\n'],
  ] as const;
  for (const [name, receiver, sender, expected] of conversations) {
    const cwd = emptyFolder();
    await mq(['init', name], { cwd });
    const receives = startMq(receiver, { cwd, env });
    await sent(sender, { cwd, env });
    assert.is((await receives.ended).stdout, expected);
  }
  const cwd = emptyFolder();
  await mq(['init', 'rpc'], { cwd });
  const server = startMq(['answer'], { cwd, env });
  assert.is(await sent(['ask', 'how much?'], { cwd, env }), 'how much?\n');
  await server.stop();
  await broker.stop();
});

init('a file that is there stays as it is; another one can be named', async () => {
  const cwd = emptyFolder({ 'rascal.json': 'mine' });
  const { status, stderr } = await mq(['init'], { cwd });
  assert.equal(
    [status, stderr],
    [
      73,
      'mq init: rascal.json is there already [CANNOT_CREATE]\nhint: another file is --config FILE; mq check tells whether it is right\n',
    ],
  );
  assert.is(readFileSync(join(cwd, 'rascal.json'), 'utf8'), 'mine');
  const other = await mq(['init', '--config', 'other.json'], { cwd });
  assert.match(other.stderr, '  mq do-jobs --config other.json ');
  assert.is((await mq(['init', '--config', 'no/folder.json', '--json'], { cwd })).status, 73);
});

init('an unknown template is told from those there are', async () => {
  const { status, stderr } = await mq(['init', 'queue']);
  assert.is(status, 64);
  assert.match(
    stderr,
    /^mq init: there is no 'mq init queue' \[USAGE\]\nhint: mq init has worker, rpc, topic, logs\n$/,
  );
});

init.run();

/** Until its receiver has made the queue, nobody gets it (67). */
async function sent(args: readonly string[], options: { cwd: string; env: Record<string, string> }): Promise<string> {
  let ended = await mq(args, options);
  while (ended.status === 67) ended = await mq(args, options);
  assert.is(ended.status, 0, ended.stderr);
  return ended.stdout;
}
