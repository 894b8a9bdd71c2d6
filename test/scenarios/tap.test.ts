// mq tap shows messages without taking any, and warns or refuses where a tap would change what other clients see.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, type RunningMq } from '../support/mq.ts';
import { lines, testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
test.after.each(roles.killLeft);
test.after(roles.end);

const { vhost } = roles;
const { name, api } = vhost;
/** The tap checks the exchanges at the management API. */
const checked = { MQ_MANAGEMENT_URL: vhost.managementUrls.join(',') };

interface Exchange {
  readonly type: string;
  readonly auto_delete?: boolean;
  readonly arguments?: object;
}

const create = (exchange: string, { type, ...more }: Exchange) =>
  api('PUT', `/api/exchanges/${name}/${exchange}`, { type, durable: true, ...more });

/** Declares a queue and binds it. */
async function queueOf(exchange: string, queue: string, key = ''): Promise<void> {
  await api('PUT', `/api/queues/${name}/${queue}`, { durable: true, arguments: { 'x-queue-type': 'classic' } });
  await api('POST', `/api/bindings/${name}/e/${exchange}/q/${queue}`, { routing_key: key });
}

/** Returns the bindings of an exchange, or `undefined` if the exchange does not exist. */
async function bindingsOf(exchange: string): Promise<object[] | undefined> {
  const all = (await api('GET', `/api/exchanges/${name}`)) as { name: string }[];
  if (!all.some((one) => one.name === exchange)) return undefined;
  return (await api('GET', `/api/exchanges/${name}/${exchange}/bindings/source`)) as object[];
}

const publish = (exchange: string, key: string, text = 'text') =>
  roles.runHere(['publish', 'to', '--routing-key', key, text], { cwd: folder(exchange) });

/** Makes a folder with a publication to an exchange that exists. */
function folder(exchange: string): string {
  const config = {
    vhosts: { '/': { exchanges: { [exchange]: { assert: false } } } },
    publications: { to: { exchange } },
  };
  return emptyFolder({ 'rascal.json': JSON.stringify(config) });
}

/** Starts a tap and waits until it is bound. */
async function tap(args: readonly string[], env: Readonly<Record<string, string>> = checked): Promise<RunningMq> {
  return roles.receiver(['tap', ...args], { env });
}

/** Waits until the broker has no queue of a tap. */
const untilGone = () =>
  until('the queues of the tap are gone', async () => {
    const queues = (await api('GET', `/api/queues/${name}`)) as { name: string }[];
    return !queues.some((queue) => queue.name.startsWith('amq.gen'));
  });

test('a tap shows messages, and their queue still has them', async () => {
  await create('orders', { type: 'topic' });
  await queueOf('orders', 'all-orders', '#');
  const running = await tap(['orders:order.*', '--json', '--count', '2', '--only-safe']);
  await publish('orders', 'order.new', 'one');
  await publish('orders', 'invoice.new', 'two');
  await publish('orders', 'order.old', 'three');
  const { status, stdout, stderr } = await running.ended;
  assert.is(status, 0, stderr);
  assert.match(stderr, '2 shown, 0 missed');
  const shown = lines(stdout).map((line) => JSON.parse(line));
  assert.equal(
    shown.map(({ body, fields }) => [body, fields.exchange, fields.routingKey]),
    [
      ['one', 'orders', 'order.new'],
      ['three', 'orders', 'order.old'],
    ],
  );
  assert.ok(shown.every(({ time }) => new Date(time).toISOString() === time));
  assert.is(await roles.held('all-orders'), 3);
  await untilGone();
});

test('a tap of a direct exchange shows the keys of its bindings', async () => {
  await create('levels', { type: 'direct' });
  await queueOf('levels', 'errors', 'error');
  const running = await tap(['levels', '--only-safe', '--count', '1']);
  await publish('levels', 'error', 'a fault');
  const { status, stdout } = await running.ended;
  assert.is(status, 0);
  assert.match(stdout, /Z {2}levels error {2}a fault\n$/);
});

test('a tap keeps messages from an alternate exchange, and warns', async () => {
  await create('others', { type: 'fanout' });
  await queueOf('others', 'unrouted');
  await create('by-argument', { type: 'topic', arguments: { 'alternate-exchange': 'others' } });
  await create('by-policy', { type: 'topic' });
  const policy = { pattern: '^by-policy$', 'apply-to': 'exchanges', definition: { 'alternate-exchange': 'others' } };
  await api('PUT', `/api/policies/${name}/alternate`, policy);
  for (const exchange of ['by-argument', 'by-policy']) {
    await until('the alternate exchange applies', async () => {
      await publish(exchange, 'a');
      return (await roles.held('unrouted')) > 0;
    });
    await api('DELETE', `/api/queues/${name}/unrouted/contents`);

    const refused = await roles.runHere(['tap', exchange, '--only-safe'], { env: checked });
    assert.is(refused.status, 78);
    assert.match(refused.stderr, `do not go to its alternate exchange 'others'`);
    assert.equal(await bindingsOf(exchange), []);

    const running = await tap([exchange, '--count', '1']);
    assert.match(running.stderr(), `do not go to its alternate exchange 'others'`);
    assert.is((await publish(exchange, 'b')).status, 0);
    await running.ended;
    assert.is(await roles.held('unrouted'), 0, 'the tap has no effect, and the warning is wrong');

    await untilGone();
    await publish(exchange, 'c');
    assert.is(await roles.held('unrouted'), 1);
    await api('DELETE', `/api/queues/${name}/unrouted/contents`);
  }
});

test('a tap hides an unroutable message, and warns unless a queue gets it', async () => {
  await create('news', { type: 'topic' });
  assert.is((await publish('news', 'a.b')).status, 67);
  const effect = /that no other queue receives count as routed/;
  const refused = await roles.runHere(['tap', 'news', '--only-safe'], { env: checked });
  assert.is(refused.status, 78);
  assert.match(refused.stderr, effect);
  const running = await tap(['news:a.*', '--count', '1']);
  assert.match(running.stderr(), effect);
  assert.is((await publish('news', 'a.b')).status, 0);
  await running.ended;
  await untilGone();
  assert.is((await publish('news', 'a.b')).status, 67);

  await queueOf('news', 'a-news', 'a.#');
  assert.is((await roles.runHere(['tap', 'news', '--only-safe'], { env: checked })).status, 78);
  const safe = await tap(['news:a.*', '--only-safe', '--idle', '1s']);
  assert.not.match(safe.stderr(), effect);
  assert.is((await safe.ended).status, 0);
});

test('a signal during the check of an exchange ends the tap before it binds', async () => {
  await create('unchecked', { type: 'fanout' });
  const asked = Promise.withResolvers<void>();
  const silent = createServer(() => asked.resolve()).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const { port } = silent.address() as AddressInfo;
  const running = roles.start(['tap', 'unchecked'], { env: { MQ_MANAGEMENT_URL: `http://127.0.0.1:${port}` } });
  await asked.promise;
  running.kill('SIGINT');
  const { status, stderr } = await running.ended;
  silent.closeAllConnections();
  silent.close();
  assert.is(status, 130, stderr);
  assert.not.match(stderr, 'waiting for messages');
});

test('a tap does not count another tap as a queue that receives the messages', async () => {
  await create('twice', { type: 'fanout' });
  const first = await tap(['twice']);
  const refused = await roles.runHere(['tap', 'twice', '--only-safe'], { env: checked });
  assert.is(refused.status, 78, refused.stderr);
  assert.match(refused.stderr, /that no other queue receives count as routed/);
  await first.stop();
  await untilGone();
});

test('a tap ends an auto-delete exchange without a binding, and warns', async () => {
  await create('brief', { type: 'fanout', auto_delete: true });
  const refused = await roles.runHere(['tap', 'brief', '--only-safe'], { env: checked });
  assert.is(refused.status, 78);
  assert.match(refused.stderr, /auto-delete exchange 'brief'/);
  assert.equal(await bindingsOf('brief'), []);
  await queueOf('brief', 'brief-queue');
  const safe = await tap(['brief', '--only-safe', '--idle', '1s']);
  assert.is((await safe.ended).status, 0);
  await untilGone();
  assert.is((await bindingsOf('brief'))?.length, 1);

  await create('brief-2', { type: 'fanout', auto_delete: true });
  const running = await tap(['brief-2']);
  assert.match(running.stderr(), /the auto-delete exchange 'brief-2' has no other binding .* may disappear/);
  await running.stop();
  await until('the exchange is gone', async () => (await bindingsOf('brief-2')) === undefined);
});

test('a tap refuses an exchange whose messages it would take', async () => {
  await create('chance', { type: 'x-local-random' });
  for (const env of [checked, {}]) {
    const { status, stderr } = await roles.runHere(['tap', 'chance'], { env });
    assert.is(status, 78, stderr);
    assert.match(stderr, /'chance' \(x-local-random\) sends a message to only one binding/);
  }
  assert.equal(await bindingsOf('chance'), []);
});

test('a tap refuses a policy by which its full queue would refuse messages', async () => {
  await create('strict', { type: 'fanout' });
  const definition = { overflow: 'reject-publish' };
  await api('PUT', `/api/policies/${name}/all`, { pattern: '^amq.gen', 'apply-to': 'queues', definition });
  const { status, stderr } = await roles.runHere(['tap', 'strict'], { env: checked });
  await api('DELETE', `/api/policies/${name}/all`);
  assert.is(status, 78, stderr);
  assert.match(stderr, /publishers would receive a nack/);
  await untilGone();
});

test('a tap refuses the default exchange, and names what shows it', async () => {
  const cwd = emptyFolder({
    'rascal.json': JSON.stringify({
      vhosts: { '/': { queues: { work: {} } } },
      publications: { work: { queue: 'work' } },
    }),
  });
  const { status, stderr } = await roles.runHere(['tap', 'work'], { cwd, env: checked });
  assert.is(status, 78);
  assert.match(stderr, /--firehose/);
});

test('a tap without a management API reports what it could not check', async () => {
  await create('spare', { type: 'fanout' });
  await create('hidden', { type: 'topic', auto_delete: true, arguments: { 'alternate-exchange': 'spare' } });
  assert.is((await roles.runHere(['tap', 'hidden', '--only-safe'])).status, 78);
  const running = await tap(['hidden'], {});
  const note = running.stderr();
  assert.match(note, `do not go to its alternate exchange 'spare'`);
  assert.match(note, /auto-delete exchange 'hidden' has no other binding that mq sees/);
  assert.match(note, /could not check the bindings and policies \(no management API answers\) of 'hidden'/);
  await publish('hidden', 'a.b', 'seen');
  await running.prints(/hidden a\.b {2}seen/);
  await running.stop();
});

test('a tap matches requests with their replies', async () => {
  await create('asked', { type: 'topic' });
  const running = await tap(['asked', '--match-replies', '--json', '--count', '3']);
  const connection = await connect(vhost.urls[0] ?? '');
  const channel = await connection.createConfirmChannel();
  const send = (key: string, body: string, properties: object) =>
    channel.publish('asked', key, Buffer.from(body), properties);
  send('question', 'q1', { correlationId: '1', replyTo: 'answer' });
  send('question', 'q2', { correlationId: '2', replyTo: 'answer' });
  send('note', 'n', {});
  send('answer', 'a2', { correlationId: '2' });
  send('answer', 'a1', { correlationId: '1' });
  await channel.waitForConfirms();
  await connection.close();
  const { stdout } = await running.ended;
  const shown = lines(stdout).map((line) => JSON.parse(line));
  assert.equal(
    shown.map(({ body, reply }) => [body, reply?.body]),
    [
      ['n', undefined],
      ['q2', 'a2'],
      ['q1', 'a1'],
    ],
  );
  assert.ok(shown.slice(1).every(({ milliseconds }) => milliseconds >= 0));
});

test('a tap that is killed leaves nothing behind', async () => {
  await create('kills', { type: 'fanout' });
  const running = await tap(['kills']);
  assert.is((await bindingsOf('kills'))?.length, 1);
  running.kill('SIGKILL');
  assert.is((await running.ended).signal, 'SIGKILL');
  await untilGone();
  assert.equal(await bindingsOf('kills'), []);
});

test('a tap that loses its connection ends with 69 and leaves nothing', async () => {
  await create('losses', { type: 'fanout' });
  const account = await roles.account();
  const running = roles.start(['tap', 'losses'], { env: { ...checked, ...account.env } });
  await running.prints(/waiting for messages from losses/, 'stderr');
  let hasEnded = false;
  const ended = running.ended.finally(() => {
    hasEnded = true;
  });
  await until('the tap has lost its connection', async () => {
    // The connection that checked the management API may still be listed.
    for (const connection of await account.connections())
      await api('DELETE', `/api/connections/${encodeURIComponent(connection)}`).catch(() => undefined);
    return hasEnded;
  });
  const { status, stderr } = await ended;
  assert.is(status, 69, stderr);
  await untilGone();
});

test('a tap that is too slow counts exactly what it missed', async () => {
  await create('busy', { type: 'fanout' });
  const sent = 25_000;
  const running = await tap(['busy', '--json']);
  running.kill('SIGSTOP');
  const connection = await connect(vhost.urls[0] ?? '');
  const channel = await connection.createConfirmChannel();
  for (let number = 0; number < sent; number += 1) channel.publish('busy', '', Buffer.from(String(number)));
  await channel.waitForConfirms();
  channel.publish('busy', '', Buffer.from('last'));
  await channel.waitForConfirms();
  await connection.close();
  running.kill('SIGCONT');
  await running.prints(/"body":"last"/);
  const { status, stdout, stderr } = await running.stop();
  assert.is(status, 0);
  const [, shown = '', missed = ''] = /(\d+) shown, (\d+) missed/.exec(stderr) ?? [];
  assert.is(Number(shown), lines(stdout).length);
  assert.ok(Number(missed) >= sent - 11_000, missed);
  assert.is(Number(shown) + Number(missed), sent + 1);
  await untilGone();
});

test.run();
