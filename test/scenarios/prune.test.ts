// mq apply --prune deletes what rascal.json owns and no longer defines, and nothing that is in use or belongs to others.
// Each test has a vhost of its own.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type ConfirmChannel, connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliRun, runCli } from '../support/cli.ts';
import { emptyFolder } from '../support/mq.ts';
import { plannedLines, quorum } from '../support/plan.ts';
import { until } from '../support/until.ts';
import { type TestVhost, testBroker, testVhost } from '../support/vhost.ts';

const file = {
  vhosts: {
    '/': {
      exchanges: { orders: { type: 'topic' }, 'orders.late': { type: 'fanout' } },
      queues: { 'orders.bill': { options: { arguments: quorum } }, 'orders.audit': {} },
      bindings: ['orders[order.*] -> orders.bill', 'orders[#] -> orders.audit'],
    },
  },
  publications: { orders: { exchange: 'orders' } },
  subscriptions: { bill: { queue: 'orders.bill' } },
  mq: { owns: ['orders', 'orders.*'], retry: { attempts: 2, delays: ['50ms'] } },
};

interface Shop {
  readonly vhost: TestVhost;
  readonly channel: ConfirmChannel;
  readonly run: (args: readonly string[], content?: object) => Promise<CliRun>;
  readonly queues: () => Promise<string[]>;
  readonly exchanges: () => Promise<string[]>;
  /** Returns `source[key] -> destination` for each binding that is not of the default exchange. */
  readonly bindings: () => Promise<string[]>;
}

/** Runs `use` in a vhost with the topology of the file. */
async function inShop(use: (shop: Shop) => Promise<void>): Promise<void> {
  const vhost = await testVhost();
  const connection = await connect(vhost.urls[0] ?? '');
  connection.on('error', () => undefined);
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => undefined);
  const names = async (kind: string) =>
    ((await vhost.api('GET', `/api/${kind}/${vhost.name}`)) as { name: string }[])
      .map(({ name }) => name)
      .filter((name) => name !== '' && !/^amq\.(?!gen)/.test(name))
      .sort();
  const run: Shop['run'] = (args, content = file) => runIn(vhost, args, content);
  try {
    assert.is((await run(['apply', '--yes'])).status, 0);
    await use({
      ...{ vhost, channel, run },
      queues: () => names('queues'),
      exchanges: () => names('exchanges'),
      bindings: async () => {
        const all = (await vhost.api('GET', `/api/bindings/${vhost.name}`)) as Record<string, string>[];
        return all
          .filter(({ source }) => source !== '')
          .map((one) => `${one['source']}[${one['routing_key']}] -> ${one['destination']}`)
          .sort();
      },
    });
  } finally {
    await connection.close().catch(() => undefined);
    await vhost.remove();
  }
}

function runIn({ url, managementUrls }: TestVhost, args: readonly string[], content: object): Promise<CliRun> {
  const folder = emptyFolder({ 'rascal.json': JSON.stringify(content) });
  const env = { MQ_CONFIG: join(folder, 'rascal.json'), MQ_URL: url, MQ_MANAGEMENT_URL: managementUrls.join(',') };
  return runCli([...args, '--trust-management'], { cwd: folder, env });
}

/** The embedded broker has no streams. */
const types = testBroker().cluster === undefined ? ['classic', 'quorum'] : ['classic', 'quorum', 'stream'];
const prune = ['apply', '--yes', '--prune'];
const own = ['orders.audit', 'orders.bill', 'orders.bill.dead', 'orders.bill.retry.3000', 'orders.bill.retry.50'];
const ownBindings = ['orders[#] -> orders.audit', 'orders[order.*] -> orders.bill'];

/** Declares an exchange, a queue of the type, and their bindings, all with owned names. */
async function declareOld({ channel }: Shop, type: string): Promise<void> {
  await channel.assertExchange('orders.old', 'topic');
  await channel.assertQueue('orders.old', { arguments: { 'x-queue-type': type } });
  await channel.bindQueue('orders.old', 'orders', 'old.#');
  await channel.bindQueue('orders.old', 'orders.old', 'n', { n: 1, 'x-match': 'any' });
}

test('deletes owned objects, and a second run has nothing to do', () =>
  inShop(async (shop) => {
    const { channel, run, queues, exchanges, bindings } = shop;
    for (const type of types) {
      await declareOld(shop, type);
      await channel.bindQueue('orders.bill', 'orders', 'was.here');
      const planned = await run(['plan', '--json']);
      assert.equal(plannedLines(planned.stdout), [
        'delete exchange orders.old',
        'delete queue orders.old',
        'delete binding orders -> orders.bill',
      ]);
      const { status, stdout, stderr } = await run([...prune, '--json']);
      assert.is(status, 0, stderr);
      assert.equal(
        stdout.split('\n').flatMap((line) => (line === '' ? [] : [String(JSON.parse(line).action)])),
        ['delete', 'delete', 'delete'],
      );
      assert.equal([await queues(), await exchanges()], [own, ['orders', 'orders.late']], type);
      assert.equal(await bindings(), ownBindings);
    }
    const again = await run([...prune, '--json']);
    assert.equal([again.status, again.stdout], [0, '']);
  }));

test('apply without --prune leaves owned objects and reports them', () =>
  inShop(async (shop) => {
    await declareOld(shop, 'classic');
    const { status, stderr } = await shop.run(['apply', '--yes']);
    assert.is(status, 0);
    assert.match(stderr, /2 objects are left that rascal\.json owns and does not define: mq apply --prune/);
    assert.ok((await shop.queues()).includes('orders.old'));
  }));

test('one unacknowledged message keeps everything as it is', () =>
  inShop(async (shop) => {
    const { channel, run, queues, bindings } = shop;
    for (const type of ['classic', 'quorum']) {
      await declareOld(shop, type);
      await channel.assertQueue('orders.empty');
      channel.sendToQueue('orders.old', Buffer.from('x'));
      await channel.waitForConfirms();
      const held = await channel.get('orders.old');
      assert.ok(held);
      const before = [await queues(), await bindings()];
      // The count of a quorum queue is some seconds late.
      const { status, stderr } = await run(prune);
      assert.is(status, 75, stderr);
      assert.match(stderr, /nothing was deleted, because 1 thing is in the way \[IN_USE\]/);
      assert.match(
        stderr,
        type === 'classic' ? /orders\.old: 1 message \(1 unacknowledged\)$/m : /queue orders\.old: 1 /m,
      );
      assert.equal([await queues(), await bindings()], before);
      if (held) channel.ack(held);
      assert.is((await run(prune)).status, 0);
      assert.equal([await queues(), await bindings()], [own, ownBindings]);
    }
  }));

test('a consumer keeps a queue, and --drop-messages does not change that', () =>
  inShop(async (shop) => {
    const { channel, run, queues } = shop;
    await declareOld(shop, 'quorum');
    const { consumerTag } = await channel.consume('orders.old', () => undefined);
    for (const more of [[], ['--drop-messages']]) {
      const { status, stderr } = await run([...prune, ...more]);
      assert.is(status, 75);
      assert.match(stderr, /queue orders\.old: 1 consumer/);
    }
    assert.ok((await queues()).includes('orders.old'));
    await channel.cancel(consumerTag);
    assert.is((await run(prune)).status, 0);
  }));

test('only --drop-messages deletes queues with messages', () =>
  inShop(async (shop) => {
    const { channel, run, queues } = shop;
    for (const type of types) {
      await channel.assertQueue(`orders.${type}`, { arguments: { 'x-queue-type': type } });
      channel.sendToQueue(`orders.${type}`, Buffer.from('x'), { persistent: true });
    }
    await channel.waitForConfirms();
    for (const type of types)
      await until(`a message in ${type}`, async () => (await channel.checkQueue(`orders.${type}`)).messageCount === 1);
    const refused = await run(prune);
    assert.is(refused.status, 75);
    for (const type of types) assert.match(refused.stderr, `queue orders.${type}: 1 message`);
    const { status, stdout, stderr } = await run([...prune, '--drop-messages']);
    assert.is(status, 0, stderr);
    for (const type of types) assert.match(stdout, `done: delete queue orders.${type}: 1 message lost\n`);
    assert.equal(await queues(), own);
    for (const body of ['a', 'b'])
      channel.sendToQueue((await channel.assertQueue('orders.more')).queue, Buffer.from(body));
    await channel.waitForConfirms();
    const json = await run([...prune, '--drop-messages', '--json']);
    assert.equal(
      json.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).lost),
      [2],
    );
  }));

test('--drop-messages counts dead letters that wait for their target', () =>
  inShop(async ({ vhost, channel, run }) => {
    const dead = { 'x-dead-letter-exchange': 'amq.direct', 'x-dead-letter-strategy': 'at-least-once' };
    const name = 'orders.held';
    await channel.assertQueue(name, {
      arguments: { 'x-queue-type': 'quorum', ...dead, 'x-overflow': 'reject-publish' },
    });
    for (const body of ['a', 'b', 'c']) channel.sendToQueue(name, Buffer.from(body));
    await channel.waitForConfirms();
    for (let number = 1; number <= 2; number += 1) {
      const message = await channel.get(name);
      assert.ok(message);
      if (message) channel.nack(message, false, false);
    }
    await until('the count of three messages', async () => {
      const counts = await vhost.api(
        'GET',
        `/api/queues/${vhost.name}/${name}?disable_stats=true&enable_queue_totals=true`,
      );
      const { messages, messages_ready: ready } = counts as Record<string, unknown>;
      return messages === 3 && ready === 1;
    });
    const { status, stdout, stderr } = await run([...prune, '--drop-messages']);
    assert.is(status, 0, stderr);
    assert.match(stdout, `done: delete queue ${name}: 3 messages lost\n`);
  }));

test('objects and bindings of others survive', () =>
  inShop(async ({ channel, run, queues, exchanges, bindings }) => {
    const names = ['mqtt-subscription-orders', 'federation: orders', 'aliveness-test', 'orders.x.mq-replace'];
    for (const name of names) await channel.assertQueue(name);
    for (const queue of ['audit', 'orders.bill.retry.777']) await channel.assertQueue(queue);
    await channel.assertQueue('orders.mine', { exclusive: true });
    await channel.assertExchange('orders.inner', 'topic', { internal: true });
    await channel.bindQueue('audit', 'orders', '#');
    await channel.bindQueue('orders.audit', 'amq.topic', '#');
    await channel.bindQueue('orders.mine', 'orders', 'mine');
    const before = [await queues(), await exchanges(), await bindings()];
    const owning = { ...file, mq: { ...file.mq, owns: ['orders*', 'mqtt*', 'fed*', 'al*', '*-replace'] } };
    const { status, stdout } = await run([...prune, '--json'], owning);
    assert.equal([status, stdout], [0, '']);
    assert.equal([await queues(), await exchanges(), await bindings()], before);
  }));

test('an exchange that others need is in the way', () =>
  inShop(async (shop) => {
    const { channel, run, exchanges } = shop;
    await channel.assertExchange('orders.old', 'fanout');
    await channel.assertQueue('theirs', { deadLetterExchange: 'orders.old' });
    await channel.bindQueue('theirs', 'orders.old', '');
    const { status, stderr } = await run([...prune, '--drop-messages']);
    assert.is(status, 75);
    assert.match(stderr, /exchange orders\.old: it routes to the queue 'theirs'/);
    assert.match(stderr, /exchange orders\.old: it receives the dead letters of the queue 'theirs'/);
    assert.ok((await exchanges()).includes('orders.old'));
  }));

test('a user with the tag management and the right to read can plan', () =>
  inShop(async (shop) => {
    await declareOld(shop, 'classic');
    const { vhost } = shop;
    const [name, password] = [`mq-${randomUUID()}`, randomUUID()];
    await vhost.api('PUT', `/api/users/${name}`, { password, tags: 'management' });
    try {
      await vhost.api('PUT', `/api/permissions/${vhost.name}/${name}`, { configure: '^$', write: '^$', read: '.*' });
      const login = (url: string) => Object.assign(new URL(url), { username: name, password }).href;
      const reader = {
        ...vhost,
        url: vhost.urls.map(login).join(','),
        managementUrls: vhost.managementUrls.map(login),
      };
      const planned = await runIn(reader, ['plan', '--json'], file);
      assert.is(planned.status, 1, planned.stderr);
      assert.equal(plannedLines(planned.stdout), ['delete exchange orders.old', 'delete queue orders.old']);
      const before = [await shop.queues(), await shop.bindings()];
      const pruned = await runIn(reader, prune, file);
      assert.is(pruned.status, 77, pruned.stderr);
      assert.equal([await shop.queues(), await shop.bindings()], before);
    } finally {
      await vhost.api('DELETE', `/api/users/${name}`);
    }
  }));

test('removes a binding whose argument has no value', () =>
  inShop(async ({ channel, run, bindings }) => {
    const headers = {
      vhosts: { '/': { exchanges: { 'orders.kinds': { type: 'headers' } }, queues: ['orders.bill'] } },
    };
    const content = { ...headers, mq: { owns: ['orders.kinds', 'orders.bill', 'orders.old'] } };
    await channel.deleteQueue('orders.bill');
    assert.is((await run(['apply', '--yes'], content)).status, 0);
    await channel.bindQueue('orders.bill', 'orders.kinds', '', { 'x-match': 'all', there: null });
    const pruned = await run(['apply', '--prune', '--yes'], content);
    assert.is(pruned.status, 0, pruned.stderr);
    assert.not.ok((await bindings()).includes('orders.kinds[] -> orders.bill'));
  }));

test.run();
