// Tests the figures for exporters and autoscalers: counters, rates, bytes, resources. The names are those of RabbitMQ 4.0.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HandClock } from '../support/broker-clock.ts';
import { type Ask, withManagement } from '../support/management.ts';
import { until } from '../support/until.ts';

type Item = Readonly<Record<string, unknown>>;

const item = async (ask: Ask, path: string) => (await ask(`GET ${path}`)).body as Item;

test('counters of all objects agree, and rates do not depend on readers', () => {
  const clock = new HandClock();
  return withManagement(
    async ({ place, ask }) => {
      const channel = await place.channel();
      channel.on('return', () => undefined);
      await channel.assertQueue('q');
      for (let index = 0; index < 10; index++)
        channel.sendToQueue('q', Buffer.from('12345'), { persistent: index < 4 });
      channel.sendToQueue('nowhere', Buffer.from(''), { mandatory: true });
      channel.sendToQueue('nowhere', Buffer.from(''));
      await channel.waitForConfirms();
      await channel.get('q', { noAck: true });
      const first = await channel.get('q');
      if (first) channel.nack(first);
      const second = await channel.get('q');
      if (second) channel.ack(second);
      await channel.assertQueue('empty');
      await channel.get('empty');
      await channel.consume('q', () => undefined, { noAck: true, consumerTag: 'all' });
      await channel.cancel('all');
      for (let index = 0; index < 3; index++) channel.sendToQueue('q', Buffer.from('abc'), { persistent: true });
      await channel.waitForConfirms();
      await channel.get('q');

      clock.move(5000);
      for (let readers = 0; readers < 3; readers++) await ask('GET /queues');
      const shown = await item(ask, '/queues/%2F/q');
      const { message_stats: ofQueue } = shown as { message_stats: Item };
      assert.equal(
        pick(ofQueue, ['publish', 'deliver_no_ack', 'get', 'get_no_ack', 'redeliver', 'ack', 'deliver_get']),
        { publish: 13, deliver_no_ack: 8, get: 3, get_no_ack: 1, redeliver: 1, ack: 1, deliver_get: 12 },
      );
      assert.equal(ofQueue['publish_details'], { rate: 2.6 });
      assert.equal(shown['messages_details'], { rate: 0.6 });
      assert.equal(
        pick(shown, ['messages', 'messages_ram', 'messages_persistent', 'message_bytes', 'message_bytes_ready']),
        { messages: 3, messages_ram: 3, messages_persistent: 3, message_bytes: 9, message_bytes_ready: 6 },
      );
      assert.equal(pick(shown, ['message_bytes_unacknowledged', 'message_bytes_persistent', 'consumer_capacity']), {
        message_bytes_unacknowledged: 3,
        message_bytes_persistent: 9,
        consumer_capacity: 0,
      });
      assert.ok(Number(shown['memory']) > 0);
      assert.is(shown['idle_since'], undefined);

      const [ofChannel] = (await ask('GET /channels')).body as { message_stats: Item }[];
      const overview = (await item(ask, '/overview')) as { message_stats: Item; churn_rates: Item };
      const vhost = (await item(ask, '/vhosts/%2F')) as { message_stats: Item };
      for (const stats of [ofChannel?.message_stats, overview.message_stats, vhost.message_stats]) {
        assert.equal(pick(stats ?? {}, ['publish', 'confirm', 'return_unroutable', 'drop_unroutable', 'get_empty']), {
          publish: 15,
          confirm: 15,
          return_unroutable: 1,
          drop_unroutable: 1,
          get_empty: 1,
        });
        assert.equal(stats?.['confirm_details'], { rate: 3 });
      }
      // A request does not change the rates of other readers.
      assert.equal((await item(ask, '/overview'))['message_stats'], overview.message_stats);
      const exchange = (await item(ask, '/exchanges/%2F/amq.default')) as { message_stats: Item };
      assert.equal(pick(exchange.message_stats, ['publish_in', 'publish_out']), { publish_in: 15, publish_out: 13 });
      assert.equal(pick(overview.churn_rates, ['queue_declared', 'queue_created', 'channel_created']), {
        queue_declared: 2,
        queue_created: 2,
        channel_created: 1,
      });

      clock.move(5000);
      const idle = await item(ask, '/queues/%2F/q');
      assert.equal((idle['message_stats'] as Item)['publish_details'], { rate: 0 });
      assert.match(String(idle['idle_since']), /^2023-11-14T22:13:25\.000\+00:00$/);
    },
    { clock },
  );
});

test('the consumer capacity is below 1 while consumers are busy', () => {
  const clock = new HandClock();
  return withManagement(
    async ({ place, ask }) => {
      const channel = await place.channel();
      await channel.assertQueue('q');
      await channel.prefetch(1);
      await channel.consume('q', () => undefined);
      clock.move(5000);
      assert.is((await item(ask, '/queues/%2F/q'))['consumer_utilisation'], 1);
      for (let index = 0; index < 2; index++) channel.sendToQueue('q', Buffer.from(''));
      await channel.waitForConfirms();
      clock.move(5000);
      assert.is((await item(ask, '/queues/%2F/q'))['consumer_utilisation'], 0.5);
    },
    { clock },
  );
});

test('reports the traffic of a connection and the resources of a node', () =>
  withManagement(async ({ place, ask }) => {
    const connection = await place.connection();
    const [shown = {}] = (await ask('GET /connections')).body as Item[];
    assert.ok(Number(shown['recv_cnt']) > 0 && Number(shown['send_cnt']) > 0);
    assert.equal(pick(shown, ['send_pend', 'ssl', 'recv_oct_details']), {
      send_pend: 0,
      ssl: false,
      recv_oct_details: { rate: 0 },
    });
    const [node = {}] = (await ask('GET /nodes')).body as Item[];
    for (const field of ['disk_free', 'disk_free_limit', 'fd_used', 'fd_total', 'sockets_used', 'sockets_total']) {
      assert.ok(Number(node[field]) > 0, field);
    }
    for (const field of ['proc_used', 'proc_total', 'processors', 'mem_limit'])
      assert.ok(Number(node[field]) > 0, field);
    await connection.close();
    await until('the connection is gone', async () => {
      const { churn_rates: churn } = (await item(ask, '/overview')) as { churn_rates: Item };
      return churn['connection_closed'] === 1;
    });
  }));

function pick(from: Item, names: readonly string[]): Item {
  return Object.fromEntries(names.map((name) => [name, from[name]]));
}

test.run();
