// mq apply --replace replaces a queue: its messages and bindings survive, and a replacement that could lose some is refused.

import { randomUUID } from 'node:crypto';
import { type ConfirmChannel, connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { objects } from '../support/cli.ts';
import { entry, longstr, rawReceived, rawSender, uint } from '../support/raw-message.ts';
import { kinds, objectsIn, quorum, received, withShop } from '../support/replace.ts';

const replace = ['apply', '--replace', 'orders', '--yes'];
const only = { queues: ['orders'], exchanges: ['events'], bindings: ['events order.*'] };
const limited = { wanted: { maxLength: 3 }, found: {} };

async function publish(channel: ConfirmChannel, count: number): Promise<void> {
  for (let number = 1; number <= count; number += 1)
    channel.publish('events', 'order.new', Buffer.from(String(number)), { persistent: true });
  await channel.waitForConfirms();
}

for (const [kind, differing] of Object.entries(kinds)) {
  test(`replaces ${kind}, and keeps messages and bindings`, () =>
    withShop(differing, async ({ vhost, channel, run }) => {
      await channel.bindQueue('orders', 'events', 'other.#');
      await channel.bindQueue('orders', 'amq.headers', '', { 'x-match': 'all', n: 1 });
      await publish(channel, 600);
      channel.sendToQueue('orders', Buffer.from('by name'), { expiration: '3600000' });
      await channel.waitForConfirms();
      const done = await run([...replace, '--json']);
      assert.is(done.status, 0, done.stderr);
      const [{ result, action, name, moved, gapMs } = {}, ...others] = objects(done);
      assert.equal([result, action, name, moved, typeof gapMs], ['done', 'replace', 'orders', 601, 'number']);
      assert.is(others.length, 0);
      const plan = await run(['plan']);
      assert.is(plan.status, 0, plan.stdout);
      const bindings = ['amq.headers ', 'events order.*', 'events other.#'];
      assert.equal(await objectsIn(vhost), { ...only, bindings });
      channel.publish('amq.headers', '', Buffer.from('header'), { headers: { n: 1 } });
      await channel.waitForConfirms();
      const all = await received(channel, 'orders');
      const bodies = Array.from({ length: 600 }, (_, at) => String(at + 1));
      assert.equal(
        all.map(({ content }) => content.toString()),
        [...bodies, 'by name', 'header'],
      );
      const { fields, properties } = all[600] ?? {};
      assert.equal([fields?.exchange, fields?.routingKey, properties?.expiration], ['', 'orders', '3600000']);
      assert.is(all[0]?.fields.routingKey, 'order.new');
    }));
}

test('creates a queue of --replace that does not exist', () =>
  withShop({ wanted: quorum, found: {} }, async ({ vhost, channel, run }) => {
    await channel.deleteQueue('orders');
    const done = await run([...replace, '--json']);
    assert.is(done.status, 0, done.stderr);
    assert.equal(
      objects(done).map(({ action, kind }) => [action, kind]),
      [
        ['create', 'queue'],
        ['create', 'binding'],
      ],
    );
    assert.equal(await objectsIn(vhost), only);
  }));

test('keeps the bytes and types of a message', () =>
  withShop({ wanted: quorum, found: { maxPriority: 3 } }, async ({ vhost, run }) => {
    const [url = ''] = vhost.urls;
    const sender = await rawSender(url);
    const noText = Buffer.from('fffe80', 'hex');
    const properties = {
      contentType: noText,
      headers: Buffer.concat([
        entry('big', 'l', Buffer.from('0020000000000001', 'hex')),
        entry('short', 's', uint(5, 2)),
        entry('zero', 'd', Buffer.from('8000000000000000', 'hex')),
        entry('bytes', 'x', longstr(noText)),
        entry('long', 'S', longstr('x'.repeat(90_000))),
      ]),
      correlationId: noText,
      timestamp: 0xffffffffffffn,
    };
    for (const body of ['before', 'after']) assert.ok(await sender.send('orders', body, properties));
    await sender.close();
    const before = await rawReceived(url, 'orders');
    const { status, stderr } = await run(replace);
    assert.is(status, 0, stderr);
    const after = await rawReceived(url, 'orders');
    assert.is(after?.toString('hex'), before?.toString('hex'));
    assert.ok((after?.length ?? 0) > 90_000);
  }));

test('does not route a moved message by its header CC again', () =>
  withShop({ wanted: quorum, found: {} }, async ({ channel, run }) => {
    await channel.assertQueue('copies');
    channel.sendToQueue('orders', Buffer.from('a'), { CC: ['copies'] });
    await channel.waitForConfirms();
    const { status, stderr } = await run(replace);
    assert.is(status, 0, stderr);
    const [message] = await received(channel, 'orders');
    assert.equal(message?.properties.headers?.['CC'], ['copies']);
    assert.is((await received(channel, 'copies')).length, 1);
  }));

test('removes a user_id that only its publisher may set, and reports it', () =>
  withShop({ wanted: quorum, found: {} }, async ({ vhost, channel, run }) => {
    const [name, password] = [`mq-${randomUUID()}`, randomUUID()];
    await vhost.api('PUT', `/api/users/${name}`, { password, tags: '' });
    try {
      const rights = { configure: '', write: '.*', read: '' };
      await vhost.api('PUT', `/api/permissions/${vhost.name}/${name}`, rights);
      const url = Object.assign(new URL(vhost.urls[0] ?? ''), { username: name, password }).href;
      const connection = await connect(url);
      const other = await connection.createConfirmChannel();
      other.sendToQueue('orders', Buffer.from('theirs'), { userId: name });
      await other.waitForConfirms();
      await connection.close();
      const own = new URL(vhost.urls[0] ?? '').username;
      channel.sendToQueue('orders', Buffer.from('own'), { userId: own });
      await channel.waitForConfirms();
      const done = await run([...replace, '--json']);
      assert.is(done.status, 0, done.stderr);
      assert.is(objects(done)[0]?.['withoutUser'], 1);
      const all = await received(channel, 'orders');
      assert.equal(
        all.map(({ content, properties }) => [content.toString(), properties.userId]),
        [
          ['theirs', undefined],
          ['own', own],
        ],
      );
    } finally {
      await vhost.api('DELETE', `/api/users/${name}`);
    }
  }));

test('refuses to replace a queue that has a consumer', () =>
  withShop({ wanted: quorum, found: {} }, async ({ vhost, channel, run }) => {
    await channel.consume('orders', () => undefined);
    await publish(channel, 3);
    const { status, stderr } = await run(replace);
    assert.is(status, 75);
    assert.match(
      stderr,
      /the queue 'orders' has 1 consumer, and a deletion would lose what they have not acknowledged/,
    );
    assert.equal(await objectsIn(vhost), only);
  }));

for (const [kind, differing] of Object.entries(kinds)) {
  test(`returns everything if a client keeps a message, for ${kind}`, () =>
    withShop(differing, async ({ vhost, channel, run }) => {
      await publish(channel, 3);
      const held = await channel.get('orders');
      if (!held) throw new Error('no message');
      const { status, stderr } = await run(replace);
      assert.is(status, 75);
      // RabbitMQ counts a client that has fetched a message from a quorum queue as a consumer.
      assert.match(stderr, /the queue 'orders' has 1 (unacknowledged message|consumer)/);
      assert.equal(await objectsIn(vhost), only);
      channel.nack(held);
      assert.is((await run(replace)).status, 0);
      assert.is((await received(channel, 'orders')).length, 3);
    }));
}

test('refuses a new queue that is too small for the messages', () =>
  withShop(limited, async ({ vhost, channel, run }) => {
    await publish(channel, 5);
    const { status, stderr } = await run(replace);
    assert.is(status, 75);
    assert.match(stderr, /the queue 'orders' has 5 messages, and the new one keeps at most 3/);
    assert.equal(await objectsIn(vhost), only);
  }));

test('keeps in the holding queue what a full queue has no room for', () =>
  withShop(limited, async ({ vhost, channel, run }) => {
    await channel.assertQueue('orders.mq-replace');
    await channel.bindQueue('orders.mq-replace', 'events', 'order.*');
    await channel.deleteQueue('orders');
    await publish(channel, 5);
    assert.match((await run(['plan'])).stdout, /mq\s+apply\s+--replace\s+orders\s+finishes\s+it\n.*to finish\n$/s);
    const plain = await run(['apply', '--yes']);
    assert.is(plain.status, 75);
    assert.match(
      plain.stderr,
      /the replacement of the queue 'orders' was interrupted; its messages are in orders\.mq-/,
    );
    const full = await run(replace);
    assert.is(full.status, 75);
    assert.match(full.stderr, /the queue 'orders' is full; the other messages are in 'orders\.mq-replace'/);
    const first = await received(channel, 'orders');
    const last = await run(replace);
    assert.is(last.status, 0, last.stderr);
    assert.match(
      last.stdout,
      /done: replace queue orders: \d messages? moved; the interrupted replacement is finished\n/,
    );
    assert.is((await run(['plan'])).status, 0);
    const bodies = [...first, ...(await received(channel, 'orders'))].map(({ content }) => content.toString());
    assert.equal(bodies, ['1', '2', '3', '4', '5']);
    assert.equal(await objectsIn(vhost), only);
  }));

test('refuses while another mq replaces the queue', () =>
  withShop({ wanted: quorum, found: {} }, async ({ vhost, channel, run }) => {
    await channel.assertQueue('orders.mq-lock', { exclusive: true, durable: false });
    const { status, stderr } = await run(replace);
    assert.is(status, 75);
    assert.match(stderr, /another mq is replacing the queue 'orders'/);
    assert.equal((await objectsIn(vhost)).queues, ['orders', 'orders.mq-lock']);
  }));

test('refuses if a policy would remove messages from the holding queue', () =>
  withShop({ wanted: quorum, found: {} }, async ({ vhost, channel, run }) => {
    await vhost.api('PUT', `/api/policies/${vhost.name}/short`, {
      pattern: '^orders',
      definition: { 'message-ttl': 1 },
      'apply-to': 'queues',
    });
    const { status, stderr } = await run(replace);
    assert.is(status, 78);
    assert.match(stderr, /the policy 'short' would remove messages from the holding queue 'orders\.mq-replace'/);
    await channel.checkQueue('orders');
  }));

test('changes nothing if the broker refuses the new arguments', () =>
  withShop({ wanted: { arguments: { 'x-max-length': -1 } }, found: {} }, async ({ vhost, channel, run }) => {
    await publish(channel, 3);
    assert.is((await run(replace)).status, 78);
    assert.equal(await objectsIn(vhost), only);
    assert.is((await received(channel, 'orders')).length, 3);
  }));

test('refuses a stream, an exchange and an unknown name', () =>
  withShop({ wanted: { arguments: { 'x-queue-type': 'stream' } }, found: {} }, async ({ run }) => {
    const stream = await run(replace);
    assert.is(stream.status, 78);
    assert.match(stream.stderr, /the new queue is a stream, which does not keep all headers of moved messages/);
    const exchange = await run(['apply', '--replace', 'events', '--yes']);
    assert.is(exchange.status, 78);
    assert.match(exchange.stderr, /'events' is an exchange, and mq replaces only queues/);
    assert.is((await run(['apply', '--replace', 'other', '--yes'])).status, 64);
  }));

test.run();
