// mq apply --replace checks the policy that the broker applies to the holding queue, also if JavaScript cannot compile
// the pattern of a policy.

import type { ConfirmChannel } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { kinds, objectsIn, received, type Shop, withShop } from '../support/replace.ts';

const replace = ['apply', '--replace', 'orders', '--yes'];
const argument = kinds['an argument of a classic queue'] ?? { wanted: {}, found: {} };
const bodies = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'];
const only = { queues: ['orders'], exchanges: ['events'], bindings: ['events order.*'] };

interface Policy {
  readonly pattern: string;
  readonly priority: number;
  readonly definition: object;
}

async function setPolicy({ vhost: { api, name: vhost } }: Shop, name: string, policy: Policy, kind = 'policies') {
  await api('PUT', `/api/${kind}/${vhost}/${name}`, { ...policy, 'apply-to': 'queues' });
}

async function publish(channel: ConfirmChannel): Promise<void> {
  for (const body of bodies) channel.publish('events', 'order.new', Buffer.from(body), { persistent: true });
  await channel.waitForConfirms();
}

async function assertRefused({ channel, run, vhost }: Shop, policy: string): Promise<void> {
  const { status, stderr } = await run(replace);
  assert.is(status, 78, stderr);
  assert.match(stderr, `the policy '${policy}' would remove messages from the holding queue 'orders.mq-replace'`);
  assert.equal(await objectsIn(vhost), only);
  assert.equal(
    (await received(channel, 'orders')).map(({ content }) => content.toString()),
    bodies,
  );
}

for (const [kind, differing] of Object.entries(kinds)) {
  test(`finds the limit behind a policy that does not apply, for ${kind}`, () =>
    withShop(differing, async (shop) => {
      await setPolicy(shop, 'family', { pattern: '^orders\\.', priority: 1, definition: { 'max-length': 2 } });
      await setPolicy(shop, 'ci', { pattern: '(?i)^billing', priority: 10, definition: { 'queue-mode': 'lazy' } });
      await publish(shop.channel);
      await assertRefused(shop, 'family');
    }));
}

test('refuses if a policy applies whose pattern only PCRE supports', () =>
  withShop(argument, async (shop) => {
    await setPolicy(shop, 'ci', { pattern: '(?i)^ORDERS\\.', priority: 10, definition: { 'max-length': 2 } });
    await publish(shop.channel);
    await assertRefused(shop, 'ci');
  }));

test('refuses if an operator policy applies whose pattern only PCRE supports', () =>
  withShop(argument, async (shop) => {
    const policy = { pattern: '(?i)^ORDERS\\.', priority: 10, definition: { 'max-length': 2 } };
    await setPolicy(shop, 'limit', policy, 'operator-policies');
    await publish(shop.channel);
    await assertRefused(shop, 'limit');
  }));

test('returns messages of an interrupted run if a policy limits its queue', () =>
  withShop(argument, async (shop) => {
    const { channel } = shop;
    await channel.assertQueue('orders.mq-replace');
    for (const body of bodies) channel.sendToQueue('orders.mq-replace', Buffer.from(body), { persistent: true });
    await channel.waitForConfirms();
    await setPolicy(shop, 'ci', { pattern: '(?i)^ORDERS\\.', priority: 10, definition: { 'max-length': 20 } });
    await assertRefused(shop, 'ci');
  }));

test('replaces a queue if a pattern of PCRE does not match the holding queue', () =>
  withShop(argument, async (shop) => {
    await setPolicy(shop, 'ci', { pattern: '(?i)^billing', priority: 10, definition: { 'max-length': 2 } });
    await publish(shop.channel);
    const { status, stderr } = await shop.run(replace);
    assert.is(status, 0, stderr);
    assert.is((await received(shop.channel, 'orders')).length, bodies.length);
  }));

test.run();
