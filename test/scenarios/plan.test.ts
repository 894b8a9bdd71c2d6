// Another client changes what mq has declared, and mq plan finds each change. Each test has a vhost of its own.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type ConfirmChannel, connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliRun, runCli } from '../support/cli.ts';
import { emptyFolder } from '../support/mq.ts';
import { plannedFile, plannedLines, quorum } from '../support/plan.ts';
import { type TestVhost, testVhost } from '../support/vhost.ts';

interface OtherClient {
  readonly channel: ConfirmChannel;
  readonly vhost: TestVhost;
}

/** A change of another client, and the differences that mq plan then reports. */
type Row = readonly [title: string, change: (client: OtherClient) => Promise<unknown>, differences: readonly string[]];

const redeclare = async (channel: ConfirmChannel, name: string, options: object) => {
  await channel.deleteQueue(name);
  await channel.assertQueue(name, options);
};
/** Deletes and declares an exchange, and binds it again. */
const redeclareSpill = async (channel: ConfirmChannel, type: string, options: object = {}) => {
  await channel.deleteExchange('spill');
  await channel.assertExchange('spill', type, options);
  await channel.bindExchange('spill', 'orders', 'up');
};
const bindAudit = async (channel: ConfirmChannel) => {
  await channel.bindQueue('audit', 'orders', '#');
  await channel.bindQueue('audit', 'matched', 'h', { 'x-match': 'any', n: 1 });
};
const rebuiltAudit = async (channel: ConfirmChannel, options: object) => {
  await redeclare(channel, 'audit', options);
  await bindAudit(channel);
};

const rows: readonly Row[] = [
  [
    'deletes an exchange',
    ({ channel }) => channel.deleteExchange('spill'),
    ['create exchange spill', 'create binding orders -> spill'],
  ],
  ['deletes a queue', ({ channel }) => channel.deleteQueue('plain'), ['create queue plain']],
  ['deletes a wait queue', ({ channel }) => channel.deleteQueue('bill.retry.50'), ['create queue bill.retry.50']],
  ['deletes a dead-letter queue', ({ channel }) => channel.deleteQueue('bill.dead'), ['create queue bill.dead']],
  [
    'deletes a binding',
    ({ channel }) => channel.unbindQueue('bill', 'orders', 'order.*'),
    ['create binding orders -> bill'],
  ],
  [
    'deletes a binding of exchanges',
    ({ channel }) => channel.unbindExchange('spill', 'orders', 'up'),
    ['create binding orders -> spill'],
  ],
  [
    'changes the key of a binding',
    async ({ channel }) => {
      await channel.unbindQueue('bill', 'orders', 'order.*');
      await channel.bindQueue('bill', 'orders', 'bill.*');
    },
    ['create binding orders -> bill'],
  ],
  [
    'changes the arguments of a binding',
    async ({ channel }) => {
      await channel.unbindQueue('audit', 'matched', 'h', { 'x-match': 'any', n: 1 });
      await channel.bindQueue('audit', 'matched', 'h', { 'x-match': 'all', n: 1 });
    },
    ['create binding matched -> audit'],
  ],
  [
    'declares another type of exchange',
    ({ channel }) => redeclareSpill(channel, 'direct'),
    ['replace exchange spill: type'],
  ],
  [
    'declares a transient exchange',
    ({ channel }) => redeclareSpill(channel, 'fanout', { durable: false }),
    ['replace exchange spill: durable'],
  ],
  [
    'declares an auto-delete exchange',
    ({ channel }) => redeclareSpill(channel, 'fanout', { autoDelete: true }),
    ['replace exchange spill: autoDelete'],
  ],
  [
    'declares an internal exchange',
    ({ channel }) => redeclareSpill(channel, 'fanout', { internal: true }),
    ['replace exchange spill: internal'],
  ],
  [
    'declares another alternate exchange',
    ({ channel }) => redeclareSpill(channel, 'fanout', { alternateExchange: 'matched' }),
    ['replace exchange spill: alternate-exchange'],
  ],
  [
    'declares an ignored argument of an exchange',
    ({ channel }) => redeclareSpill(channel, 'fanout', { arguments: { 'x-note': 1 } }),
    ['replace exchange spill: x-note'],
  ],
  [
    'declares a quorum queue without need',
    ({ channel }) => redeclare(channel, 'plain', { arguments: quorum }),
    ['replace queue plain: type'],
  ],
  [
    'declares an auto-delete queue',
    ({ channel }) => redeclare(channel, 'plain', { autoDelete: true }),
    ['replace queue plain: autoDelete'],
  ],
  [
    'declares another TTL',
    ({ channel }) => rebuiltAudit(channel, { messageTtl: 1, arguments: { 'x-team': 'a' } }),
    ['replace queue audit: x-message-ttl'],
  ],
  [
    'declares no TTL',
    ({ channel }) => rebuiltAudit(channel, { arguments: { 'x-team': 'a' } }),
    ['replace queue audit: x-message-ttl'],
  ],
  [
    'declares another custom argument',
    ({ channel }) => rebuiltAudit(channel, { messageTtl: 60_000, arguments: { 'x-team': 'b' } }),
    ['replace queue audit: x-team'],
  ],
  [
    'declares an additional argument',
    ({ channel }) => redeclare(channel, 'plain', { maxLength: 3 }),
    ['replace queue plain: x-max-length'],
  ],
  [
    'declares a classic queue over HTTP instead of a quorum queue',
    async ({ channel, vhost }) => {
      await channel.deleteQueue('bill.dead');
      await vhost.api('PUT', `/api/queues/${vhost.name}/bill.dead`, {
        durable: true,
        arguments: { 'x-queue-type': 'classic' },
      });
    },
    ['replace queue bill.dead: type, x-delivery-limit'],
  ],
  [
    'declares an exclusive queue',
    ({ channel }) => redeclare(channel, 'plain', { exclusive: true, durable: false }),
    ['blocked queue plain: durable, exclusive'],
  ],
  [
    'changes the default queue type',
    ({ vhost }) => vhost.api('PUT', `/api/vhosts/${vhost.name}`, { default_queue_type: 'quorum' }),
    ['replace queue audit: type', 'replace queue plain: type'],
  ],
];

for (const [title, change, differences] of rows) {
  test(`finds that another client ${title}`, () =>
    withDeclared(async (client, run) => {
      await change(client);
      const { status, stdout } = await run(['plan', '--json']);
      assert.equal(plannedLines(stdout), differences);
      assert.is(status, 1);
    }));
}

const harmless: readonly (readonly [title: string, change: (client: OtherClient) => Promise<unknown>])[] = [
  ['does nothing', async () => undefined],
  [
    'sets a policy and an operator policy',
    async ({ vhost }) => {
      const body = { pattern: '.*', definition: { 'message-ttl': 7, 'max-length': 3 }, 'apply-to': 'queues' };
      await vhost.api('PUT', `/api/policies/${vhost.name}/p`, body);
      await vhost.api('PUT', `/api/operator-policies/${vhost.name}/o`, body);
    },
  ],
  [
    'declares objects and bindings of its own',
    async ({ channel }) => {
      await channel.assertExchange('theirs', 'topic');
      await channel.assertQueue('theirs');
      await channel.bindQueue('theirs', 'orders', '#');
      await channel.bindQueue('bill', 'theirs', '#');
      await channel.bindQueue('bill', 'orders', 'more.*');
    },
  ],
  [
    'publishes and consumes',
    async ({ channel }) => {
      channel.sendToQueue('plain', Buffer.from('a'));
      await channel.waitForConfirms();
      await channel.consume('plain', () => undefined);
    },
  ],
];

for (const [title, change] of harmless) {
  test(`reports nothing to do if another client ${title}`, () =>
    withDeclared(async (client, run) => {
      await change(client);
      const { status, stdout, stderr } = await run(['plan']);
      assert.is(status, 0, stdout);
      assert.match(stdout, /\nnothing to do\n$/);
      assert.is(stderr, '');
    }));
}

test('a queue without a type is no drift if it has the default queue type', () =>
  withVhost({ vhosts: { '/': { queues: ['open'] } } }, async (vhost, run) => {
    await vhost.api('PUT', `/api/vhosts/${vhost.name}`, { default_queue_type: 'quorum' });
    assert.is((await run(['declare'])).status, 0);
    const { status, stdout } = await run(['plan']);
    assert.is(status, 0, stdout);
  }));

test('a user with the tag management who may only read can plan', () =>
  withDeclared(async ({ channel, vhost }) => {
    await channel.deleteQueue('plain');
    const [name, password] = [`mq-${randomUUID()}`, randomUUID()];
    await vhost.api('PUT', `/api/users/${name}`, { password, tags: 'management' });
    try {
      const rights = { configure: '', write: '', read: '.*' };
      await vhost.api('PUT', `/api/permissions/${vhost.name}/${name}`, rights);
      const { status, stdout, stderr } = await runnerOf(vhost, plannedFile, { name, password })(['plan', '--json']);
      assert.is(status, 1, stderr);
      assert.equal(plannedLines(stdout), ['create queue plain']);
    } finally {
      await vhost.api('DELETE', `/api/users/${name}`);
    }
  }));

type Run = (args: readonly string[]) => Promise<CliRun>;

/** Runs `use` with a vhost in which mq has declared the file, and a channel of another client. */
function withDeclared(use: (client: OtherClient, run: Run) => Promise<void>): Promise<void> {
  return withVhost(plannedFile, async (vhost, run) => {
    const { status, stderr } = await run(['declare']);
    assert.is(status, 0, stderr);
    const connection = await connect(vhost.urls[0] ?? '');
    try {
      await use({ channel: await connection.createConfirmChannel(), vhost }, run);
    } finally {
      await connection.close();
    }
  });
}

async function withVhost(content: unknown, use: (vhost: TestVhost, run: Run) => Promise<void>): Promise<void> {
  const vhost = await testVhost();
  try {
    await use(vhost, runnerOf(vhost, content));
  } finally {
    await vhost.remove();
  }
}

/** Returns a function that runs mq with this rascal.json in the vhost. */
function runnerOf(
  { urls, managementUrls }: TestVhost,
  content: unknown,
  user?: { name: string; password: string },
): Run {
  const config = join(emptyFolder({ 'rascal.json': JSON.stringify(content) }), 'rascal.json');
  const as = (url: string) =>
    user === undefined ? url : Object.assign(new URL(url), { username: user.name, password: user.password }).href;
  const env = {
    MQ_CONFIG: config,
    MQ_URL: urls.map(as).join(','),
    MQ_MANAGEMENT_URL: managementUrls.map(as).join(','),
  };
  return (args) => runCli(args, { env });
}

test.run();
