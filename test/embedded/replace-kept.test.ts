// mq apply --replace keeps binding arguments, the order and dead letters, and gives up rather than lose a message.

import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { emptyFolder } from '../support/mq.ts';
import { objectsIn, quorum, received, withShop } from '../support/replace.ts';

const replace = ['apply', '--replace', 'orders', '--yes'];

test('keeps a binding argument without a value', () =>
  withShop({ wanted: quorum, found: {} }, async ({ channel, run }) => {
    await channel.bindQueue('orders', 'amq.headers', '', { 'x-match': 'all', there: null });
    const { status, stderr } = await run(replace);
    assert.is(status, 0, stderr);
    channel.publish('amq.headers', '', Buffer.from('a'), { headers: { there: 5 } });
    await channel.waitForConfirms();
    assert.is((await received(channel, 'orders')).length, 1);
  }));

test('moves all older messages before new ones', () =>
  withShop({ wanted: { maxLength: 1_000_000 }, found: {} }, async ({ channel, run }) => {
    const old = 600;
    let number = 0;
    const publish = () => {
      number += 1;
      channel.publish('events', 'order.new', Buffer.from(String(number)));
    };
    while (number < old) publish();
    await channel.waitForConfirms();
    const timer = setInterval(publish, 1);
    const { status, stderr } = await run(replace);
    clearInterval(timer);
    assert.is(status, 0, stderr);
    await channel.waitForConfirms();
    const bodies = (await received(channel, 'orders')).map(({ content }) => Number(content.toString()));
    assert.equal(
      bodies.slice(0, old),
      Array.from({ length: old }, (_, at) => at + 1),
    );
  }));

test('keeps the routing key of a message that expires in the holding queue', () => {
  const found = { arguments: { 'x-queue-type': 'quorum', 'x-dead-letter-exchange': 'dead' } };
  return withShop({ wanted: {}, found }, async ({ channel, run }) => {
    await channel.assertExchange('dead', 'direct');
    await channel.assertQueue('expired');
    await channel.bindQueue('expired', 'dead', 'orders');
    // The replacement of a quorum queue waits longer, because RabbitMQ counts its unacknowledged messages late.
    channel.sendToQueue('orders', Buffer.from('a'), { expiration: '3000' });
    await channel.waitForConfirms();
    const { status, stderr } = await run(replace);
    assert.is(status, 0, stderr);
    assert.equal(
      (await received(channel, 'expired')).map(({ fields }) => fields.routingKey),
      ['orders'],
    );
  });
});

test('a refused message is returned without a failed delivery', () =>
  withShop({ wanted: {}, found: { arguments: { 'x-queue-type': 'quorum' } } }, async ({ channel, run }) => {
    await channel.assertQueue('orders.mq-replace', {
      arguments: { 'x-max-length': 0, 'x-overflow': 'reject-publish' },
    });
    channel.sendToQueue('orders', Buffer.from('a'));
    await channel.waitForConfirms();
    const { status, stderr } = await run(replace);
    assert.is(status, 75, stderr);
    assert.match(stderr, /the broker refused a message/);
    const message = await channel.get('orders');
    assert.ok(message);
    assert.equal(message.properties.headers, { 'x-acquired-count': 1 });
  }));

test('refuses a name that is too long for the lock', () =>
  withShop({ wanted: quorum, found: {} }, async ({ channel, env }) => {
    const name = 'q'.repeat(250);
    await channel.assertQueue(name);
    const content = { vhosts: { '/': { queues: { [name]: { options: quorum } } } } };
    const file = join(emptyFolder({ 'rascal.json': JSON.stringify(content) }), 'rascal.json');
    const { status, stderr } = await runCli(['apply', '--replace', name, '--yes'], {
      env: { ...env, MQ_CONFIG: file },
    });
    assert.is(status, 78, stderr);
    assert.match(stderr, /its name is too long for 'NAME\.mq-replace'/);
  }));

test('gives up if messages to the name of the queue never stop, and loses none', () =>
  withShop({ wanted: { maxLength: 1_000_000 }, found: {} }, async ({ vhost, channel, run }) => {
    let sent = 0;
    const timer = setInterval(() => {
      for (let number = 0; number < 20; number += 1) channel.sendToQueue('orders', Buffer.from('x'));
      sent += 20;
    }, 1);
    const { status, stderr } = await run(replace);
    clearInterval(timer);
    await channel.waitForConfirms();
    assert.is(status, 75, stderr);
    assert.match(
      stderr,
      /clients publish to the queue 'orders' by its name all the time; its messages and bindings are in/,
    );
    assert.is((await received(channel, 'orders')).length, sent);
    assert.equal((await objectsIn(vhost)).queues, ['orders']);
  }));

test.run();
