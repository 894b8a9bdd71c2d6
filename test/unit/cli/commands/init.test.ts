// Tests that the templates of mq init are valid, and that mq init does not overwrite a file.

import { readdirSync, readFileSync } from 'node:fs';
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

test('mq init --config - prints the file', async () => {
  const cwd = emptyFolder();
  const printed = await runCli(['init', 'rpc', '--config', '-'], { cwd });
  assert.equal([printed.status, printed.stderr], [0, '']);
  assert.is((await runCli(['init', 'rpc'], { cwd })).status, 0);
  assert.is(printed.stdout, readFileSync(join(cwd, 'rascal.json'), 'utf8'));
  assert.equal(readdirSync(cwd), ['rascal.json']);
  assert.is((await runCli(['init', '--config', '-', '--json'], { cwd })).status, 64);
});

test('mq init refuses an unknown template and lists the templates', async () => {
  const { status, stderr } = await runCli(['init', 'queue']);
  assert.is(status, 64);
  assert.match(
    stderr,
    /^mq init: there is no 'mq init queue' \[USAGE\]\nhint: mq init has worker, rpc, topic, logs\n$/,
  );
});

const exported = JSON.stringify({
  vhosts: [{ name: 'shop' }],
  exchanges: [{ name: 'e', vhost: 'shop', type: 'topic', durable: true, auto_delete: false, arguments: {} }],
  queues: [{ name: 'q', vhost: 'shop', durable: true, auto_delete: false, arguments: { 'x-queue-type': 'quorum' } }],
  bindings: [
    { source: 'e', vhost: 'shop', destination: 'q', destination_type: 'queue', routing_key: '', arguments: {} },
    { source: 'hidden', vhost: 'shop', destination: 'q', destination_type: 'queue', routing_key: 'k', arguments: {} },
  ],
});

test('mq init --from definitions writes their topology', async () => {
  const cwd = emptyFolder({ 'd.json': exported });
  const { status, stdout, stderr } = await runCli(['init', '--from', 'd.json'], { cwd });
  assert.equal([status, stdout], [0, 'rascal.json\n']);
  assert.match(stderr, /^next:\n {2}mq plan --against d\.json /);
  assert.equal(JSON.parse(readFileSync(join(cwd, 'rascal.json'), 'utf8')), {
    vhosts: {
      shop: {
        exchanges: { e: { type: 'topic' } },
        queues: { q: { options: { arguments: { 'x-queue-type': 'quorum' } } } },
        bindings: [{ source: 'e', destination: 'q', bindingKey: '' }],
      },
    },
  });
  const again = await runCli(['init', '--from', 'd.json', '--config', 'b.json', '--json'], { cwd });
  assert.equal(JSON.parse(again.stdout), { file: 'b.json', from: 'd.json' });
});

test('mq init --from refuses a template, and its options need --from', async () => {
  const cwd = emptyFolder({
    'd.json': exported,
    'none.json': '{"vhosts":[],"exchanges":[],"queues":[],"bindings":[]}',
  });
  const statusOf = async (...args: string[]) => (await runCli(['init', ...args], { cwd })).status;
  assert.is(await statusOf('worker', '--from', 'd.json'), 64);
  assert.is(await statusOf('--trust-management'), 64);
  assert.is(await statusOf('--from', 'missing.json'), 66);
  assert.is(await statusOf('--from', 'none.json'), 65);
  assert.is(
    await statusOf('--from', 'amqp://127.0.0.1:1', '--management-url', 'http://127.0.0.1:1', '--trust-management'),
    69,
  );
});

test.run();
