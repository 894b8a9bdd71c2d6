// Checks that mq route --live reads bindings of other clients, policies and exclusive queues from the embedded broker.

import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type CliRun, runCli } from '../support/cli.ts';
import { withManagement } from '../support/management.ts';
import { emptyFolder } from '../support/mq.ts';

const content = { vhosts: { '/': { exchanges: ['orders'] } }, publications: { orders: { exchange: 'orders' } } };

test('mq route --live includes what only the broker has', () =>
  withManagement(async ({ place, management, ask }) => {
    const channel = await place.channel();
    await channel.assertExchange('orders', 'topic');
    await channel.assertExchange('spill', 'fanout', { internal: true });
    await channel.assertQueue('bill', { messageTtl: 5000 });
    await channel.assertQueue('mine', { exclusive: true });
    await channel.bindQueue('mine', 'orders', 'order.#');
    await channel.bindQueue('bill', 'spill', '');
    const policy = (pattern: string, definition: object) => ({ body: { pattern, 'apply-to': 'all', definition } });
    await ask('PUT /policies/%2F/spill', policy('^orders$', { 'alternate-exchange': 'spill' }));
    await ask('PUT /operator-policies/%2F/ttl', policy('^bill$', { 'message-ttl': 3000 }));
    const file = join(emptyFolder({ 'rascal.json': JSON.stringify(content) }), 'rascal.json');
    const env = { MQ_CONFIG: file, MQ_URL: place.url(), MQ_MANAGEMENT_URL: `http://127.0.0.1:${management.port}` };
    const route = (...args: string[]): Promise<CliRun> => runCli(['route', ...args, '--live'], { env });
    const { stdout } = await route('orders', 'order.new');
    assert.match(stdout, /^exchange orders \(topic\), key order.new: amqp:\/\/127.0.0.1:\d+, vhost \/\n/);
    assert.match(stdout, '  order.# -> queue mine (exclusive)\n');
    const other = await route('orders');
    assert.match(other.stdout, '  no binding matches: alternate exchange spill (fanout)\n    any key -> queue bill\n');
    assert.match(other.stdout, '      after 3 s: dropped, because the queue has no dead-letter exchange\n');
    assert.is((await route('spill', '')).status, 77);
    assert.is((await route('gone', '')).status, 78);
    assert.is((await runCli(['route', 'orders'], { env })).status, 67);
  }));

test('mq route --live --vhost reads a vhost that rascal.json lacks', () =>
  withManagement(async ({ place, management, ask }) => {
    await ask('PUT /vhosts/shop');
    await ask('PUT /permissions/shop/guest', { body: { configure: '.*', write: '.*', read: '.*' } });
    const channel = await place.channel(await place.connection({ vhost: 'shop' }));
    await channel.assertQueue('there');
    const env = { MQ_URL: place.url(), MQ_MANAGEMENT_URL: `http://127.0.0.1:${management.port}` };
    const cwd = emptyFolder({ 'rascal.json': JSON.stringify(content) });
    const { status, stdout } = await runCli(['route', '', 'there', '--live', '--vhost', 'shop'], { cwd, env });
    assert.is(status, 0);
    assert.match(stdout, 'vhost shop\n  there -> queue there\n');
  }));

test.run();
