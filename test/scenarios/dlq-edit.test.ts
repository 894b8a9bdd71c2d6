// mq dlq edit sends an edited dead letter to the queue where it died. Nothing else changes it.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ConfirmChannel, connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliOptions, runCli } from '../support/cli.ts';
import { emptyFolder } from '../support/mq.ts';
import { testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
const connection = await connect(roles.vhost.urls[0] ?? '');
const channel: ConfirmChannel = await connection.createConfirmChannel();
test.after.each(roles.killLeft);
test.after(async () => {
  await connection.close();
  await roles.end();
});

/** Declares a work queue and a queue with two dead letters of it. The first one has the given body. */
async function graves(name: string, body: Buffer = Buffer.from('{"a":1}')): Promise<string> {
  const queue = `${name}.dead`;
  for (const one of [name, queue]) await channel.assertQueue(one, { arguments: { 'x-queue-type': 'quorum' } });
  for (const [id, content] of [
    ['letter-a', body],
    ['letter-b', Buffer.from('other')],
  ] as const)
    channel.sendToQueue(queue, content, {
      messageId: id,
      contentType: 'application/json',
      headers: { tenant: 'acme', size: 7, 'x-mq-queue': name, 'x-mq-exchange': '', 'x-mq-routing-key': name },
    });
  await channel.waitForConfirms();
  return queue;
}

/** Returns the environment for an editor that is this shell script. `$1` is the file. */
const editor = (script: string) => ({
  MQ_URL: roles.vhost.url,
  EDITOR: `sh -c '${script}' editor`,
  PATH: process.env['PATH'] ?? '',
});

const edit = (queue: string, id: string, script: string, more: CliOptions = {}) =>
  runCli(['dlq', 'edit', '--queue', queue, id], { terminal: 120, env: editor(script), ...more });

const count = async (queue: string) => (await channel.checkQueue(queue)).messageCount;

test('the edited message replaces the letter, in the original queue', async () => {
  const queue = await graves('edited');
  const { status, stdout, stderr } = await edit(queue, 'letter-a', 'sed -i "s/acme/zenith/; s/.a.:1/\\"a\\":2/" "$1"');
  assert.equal([status, stdout], [0, `edited and replayed 1 message of ${queue}, 1 left\n`], stderr);
  const [message] = await roles.take('edited', 1);
  assert.equal([message!.payload, message!.properties['message_id']], ['{"a":2}', 'letter-a']);
  assert.equal(message!.properties.headers, { tenant: 'zenith', size: 7 });
  assert.is(message!.properties['content_type'], 'application/json');
  assert.is(await count(queue), 1);
});

test('a body of bytes is edited as base64', async () => {
  const queue = await graves('bytes', Buffer.from([0, 0xff, 1]));
  const { status, stderr } = await edit(queue, 'letter-a', 'sed -i "s/^AP8B$/AP8C/" "$1"');
  assert.is(status, 0, stderr);
  const [message] = await roles.take('bytes', 1);
  assert.equal(Buffer.from(message!.payload, 'base64'), Buffer.from([0, 0xff, 2]));
});

for (const [what, script] of [
  ['an unchanged text', 'true'],
  ['an editor that fails', 'echo x >> "$1"; exit 3'],
  ['an editor that crashes', 'kill -9 $$'],
  ['an editor that does not exist', 'no-such-editor "$1"'],
] as const)
  test(`${what} changes nothing`, async () => {
    const queue = await graves(`kept ${what}`);
    const { status, stderr } = await edit(queue, 'letter-a', script);
    assert.is(status, 1, stderr);
    assert.equal([await count(queue), await count(`kept ${what}`)], [2, 0]);
  });

test('a text that is not valid is edited again or changes nothing', async () => {
  const queue = await graves('invalid');
  const spoil =
    'if [ -e "$1.again" ]; then sed -i "s/{broken/{/" "$1"; else touch "$1.again"; sed -i "s/^{/{broken/" "$1"; fi';
  const kept = await edit(queue, 'letter-a', spoil, { input: 'n\n' });
  assert.is(kept.status, 65, kept.stderr);
  assert.match(kept.stderr, /the headers are not valid.*edit again\? \[y\/N\] /s);
  const [, file = ''] = /your changes are in (\S+)/.exec(kept.stderr) ?? [];
  assert.match(readFileSync(file, 'utf8'), /^\{broken/m);
  assert.is(await count(queue), 2);
  const corrected = await edit(queue, 'letter-a', `${spoil}; grep -q broken "$1" || sed -i "s/acme/again/" "$1"`, {
    input: 'y\n',
  });
  assert.is(corrected.status, 0, corrected.stderr);
  assert.is((await roles.take('invalid', 1))[0]!.properties.headers?.['tenant'], 'again');
});

test('a letter that left the queue while it was edited is not sent', async () => {
  const queue = await graves('raced');
  const folder = emptyFolder();
  const script = `touch ${folder}/open; while [ ! -e ${folder}/go ]; do sleep 0.05; done; echo more >> "$1"`;
  const running = edit(queue, 'letter-a', script);
  await until('the editor runs', () => existsSync(join(folder, 'open')));
  // While the editor runs, mq holds no message.
  // RabbitMQ answers 0 if the leader of a quorum queue needs more than 250 ms.
  await until('both letters are in the queue', async () => (await count(queue)) === 2);
  await channel.get(queue, { noAck: true });
  writeFileSync(join(folder, 'go'), '');
  const { status, stderr } = await running;
  assert.is(status, 75, stderr);
  assert.match(stderr, /the message 'letter-a' left .* or changed while it was edited.*\[OUTDATED\]/);
  assert.match(stderr, /your changes are in /);
  assert.equal([await count(queue), await count('raced')], [1, 0]);
});

test('an id may be shortened, an ambiguous one lists the candidates', async () => {
  const queue = await graves('shortened');
  const ambiguous = await edit(queue, 'letter', 'echo more >> "$1"');
  assert.is(ambiguous.status, 64);
  assert.match(ambiguous.stderr, /several ids begin with 'letter': letter-a, letter-b/);
  assert.is((await edit(queue, 'letter-c', 'echo more >> "$1"')).status, 1);
  assert.is((await edit(queue, 'letter-b', 'echo more >> "$1"')).status, 0);
  assert.is((await roles.take('shortened', 1))[0]!.payload, 'other\nmore');
});

test('without a terminal, an edit is refused', async () => {
  const refused = await runCli(['dlq', 'edit', '--queue', 'edited.dead', 'letter-b'], { env: editor('true') });
  assert.is(refused.status, 64);
  assert.match(refused.stderr, /edit opens an editor, which requires a terminal/);
});

test.run();
