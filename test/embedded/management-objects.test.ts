// Tests queues, exchanges, bindings, connections, channels, consumers and messages over HTTP. RabbitMQ 4.3 defines the
// expected answers.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Ask, withManagement } from '../support/management.ts';
import { until } from '../support/until.ts';

type Item = Record<string, unknown>;

const getItem = async (ask: Ask, path: string) => (await ask(`GET ${path}`)).body as Item;
const getItems = async (ask: Ask, path: string) => (await ask(`GET ${path}`)).body as Item[];

test('declares a queue once, returns it, and refuses other arguments', () =>
  withManagement(async ({ ask }) => {
    const body = { durable: true, arguments: { 'x-max-length': 5, 'x-dead-letter-exchange': 'amq.fanout' } };
    assert.is((await ask('PUT /queues/%2F/a%2Fb', { body })).status, 201);
    assert.is((await ask('PUT /queues/%2F/a%2Fb', { body })).status, 204);
    assert.equal(await ask('PUT /queues/%2F/a%2Fb').then(({ status, body: told }) => [status, told]), [
      400,
      {
        error: 'bad_request',
        reason: "inequivalent arg 'durable' for queue 'a/b' in vhost '/': received 'false' but current is 'true'",
      },
    ]);
    const queue = await getItem(ask, '/queues/%2F/a%2Fb');
    const flags = { auto_delete: false, exclusive: false };
    const expected = { name: 'a/b', vhost: '/', type: 'classic', ...flags, ...body, messages: 0, consumers: 0 };
    assert.equal(Object.fromEntries(Object.keys(expected).map((field) => [field, queue[field]])), expected);
    assert.is((await ask('PUT /queues/%2F/amq.x')).status, 401);
    assert.is((await ask('PUT /queues/%2F/x', { body: { arguments: { 'x-max-length': 'a' } } })).status, 400);
    assert.is((await ask('DELETE /queues/%2F/a%2Fb')).status, 204);
    assert.is((await ask('DELETE /queues/%2F/a%2Fb')).status, 404);
  }));

test('if-unused and if-empty keep a queue with messages or consumers', () =>
  withManagement(async ({ place, ask }) => {
    const channel = await place.channel();
    await channel.assertQueue('q');
    await channel.consume('q', () => {});
    channel.sendToQueue('q', Buffer.from('1'));
    await channel.waitForConfirms();
    const reason = async (flag: string) => ((await ask(`DELETE /queues/%2F/q?${flag}=true`)).body as Item)['reason'];
    assert.is(await reason('if-unused'), "queue 'q' in vhost '/' in use");
    await channel.assertQueue('r');
    channel.sendToQueue('r', Buffer.from('1'));
    await channel.waitForConfirms();
    assert.is((await ask('DELETE /queues/%2F/r?if-empty=true')).status, 400);
    assert.is((await ask('DELETE /queues/%2F/r/contents')).status, 204);
    assert.is((await ask('DELETE /queues/%2F/r?if-empty=true')).status, 204);
  }));

test('shows an exclusive queue, and refuses it to other connections', () =>
  withManagement(async ({ place, ask }) => {
    await (await place.channel()).assertQueue('mine', { exclusive: true });
    const queue = await getItem(ask, '/queues/%2F/mine');
    assert.is(queue['exclusive'], true);
    assert.match(String((queue['owner_pid_details'] as Item)['name']), /^127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+$/);
    assert.is((await ask('DELETE /queues/%2F/mine')).status, 400);
    assert.is((await ask('PUT /queues/%2F/mine')).status, 400);
  }));

test('declares an exchange once, and never deletes predeclared ones', () =>
  withManagement(async ({ ask }) => {
    const body = { type: 'topic', durable: true, internal: true, arguments: { 'alternate-exchange': 'amq.fanout' } };
    assert.is((await ask('PUT /exchanges/%2F/e', { body })).status, 201);
    assert.is((await ask('PUT /exchanges/%2F/e', { body })).status, 204);
    assert.is((await ask('PUT /exchanges/%2F/e', { body: { type: 'fanout' } })).status, 400);
    assert.is((await ask('PUT /exchanges/%2F/f', { body: { type: 'none' } })).status, 400);
    const { name, type, durable, auto_delete, internal, arguments: all } = await getItem(ask, '/exchanges/%2F/e');
    assert.equal([name, type, durable, auto_delete, internal, all], ['e', 'topic', true, false, true, body.arguments]);
    assert.is((await getItem(ask, '/exchanges/%2F/amq.default'))['name'], '');
    for (const name of ['amq.default', 'amq.topic']) {
      assert.is((await ask(`DELETE /exchanges/%2F/${name}`)).status, 401);
    }
    assert.is((await ask('DELETE /exchanges/%2F/e')).status, 204);
  }));

test('creates, finds and deletes bindings by every path', () =>
  withManagement(async ({ ask }) => {
    await ask('PUT /queues/%2F/q');
    await ask('PUT /exchanges/%2F/e', { body: { type: 'topic' } });
    // Properties keys and locations of RabbitMQ 4.3.6.
    for (const [key, properties, place] of [
      ['', '~', 'q/~'],
      ['a.#', 'a.%23', 'q/a.%2523'],
      ['a b', 'a+b', 'q/a%2Bb'],
      ['x~y', 'x%7Ey', 'q/x%257Ey'],
    ] as const) {
      const { status, headers } = await ask('POST /bindings/%2F/e/e/q/q', { body: { routing_key: key } });
      assert.equal([status, headers['location']], [201, place]);
      const path = `/bindings/%2F/e/e/q/q/${encodeURIComponent(properties)}`;
      assert.equal(await getItem(ask, path), {
        source: 'e',
        vhost: '/',
        destination: 'q',
        destination_type: 'queue',
        routing_key: key,
        arguments: {},
        properties_key: properties,
      });
      assert.is((await ask(`DELETE ${path}`)).status, 204);
      assert.is((await ask(`DELETE ${path}`)).status, 404);
    }
    await ask('POST /bindings/%2F/e/e/q/q', { body: { routing_key: 'k', arguments: { x: 1 } } });
    await ask('POST /bindings/%2F/e/amq.topic/e/e', { body: {} });
    const ends = async (path: string) =>
      (await getItems(ask, path)).map(({ source, destination }) => `${source}>${destination}`);
    assert.equal(await ends('/bindings'), ['>q', 'amq.topic>e', 'e>q']);
    assert.equal(await ends('/queues/%2F/q/bindings'), ['>q', 'e>q']);
    assert.equal(await ends('/exchanges/%2F/e/bindings/source'), ['e>q']);
    assert.equal(await ends('/exchanges/%2F/e/bindings/destination'), ['amq.topic>e']);
    assert.equal(await ends('/exchanges/%2F/amq.default/bindings/source'), ['>q']);
    // An exchange and a queue may have the same name.
    await ask('PUT /queues/%2F/e');
    assert.is((await getItems(ask, '/bindings/%2F/e/amq.topic/e/e')).length, 1);
    assert.is((await getItems(ask, '/bindings/%2F/e/amq.topic/q/e')).length, 0);
    const [{ properties_key: key } = {}] = await getItems(ask, '/bindings/%2F/e/e/q/q');
    assert.match(String(key), /^k~/);
    assert.is((await ask(`DELETE /bindings/%2F/e/e/q/q/${encodeURIComponent(String(key))}`)).status, 204);
    assert.is((await ask('POST /bindings/%2F/e/e/q/nope', { body: {} })).status, 404);
    assert.is((await ask('POST /bindings/%2F/e/amq.default/q/q', { body: {} })).status, 401);
  }));

test('shows connections, channels and consumers, and closes a connection', () =>
  withManagement(async ({ place, ask }) => {
    const connection = await place.connection();
    const channel = await place.channel(connection);
    await channel.prefetch(3);
    await channel.assertQueue('q');
    await channel.consume('q', () => {}, { consumerTag: 'tag', arguments: { 'x-priority': 2 } });
    channel.sendToQueue('q', Buffer.from('1'));
    await channel.waitForConfirms();
    const [shown = {}] = await getItems(ask, '/connections');
    const name = String(shown['name']);
    assert.equal([shown['user'], shown['vhost'], shown['state'], shown['channels']], ['guest', '/', 'running', 1]);
    assert.is((shown['client_properties'] as Item)['product'], 'amqplib');
    assert.equal(await getItems(ask, '/vhosts/%2F/connections?columns=name'), [{ name }]);
    const seen = await getItem(ask, `/channels/${encodeURIComponent(`${name} (1)`)}`);
    assert.equal(
      ['confirm', 'consumer_count', 'messages_unacknowledged', 'prefetch_count'].map((field) => seen[field]),
      [true, 1, 1, 3],
    );
    const [consumer = {}] = await getItems(ask, '/consumers/%2F');
    assert.equal(consumer['queue'], { name: 'q', vhost: '/' });
    assert.equal([consumer['consumer_tag'], consumer['arguments']], ['tag', { 'x-priority': 2 }]);
    assert.is((consumer['channel_details'] as Item)['connection_name'], name);

    const closed = new Promise<Error>((resolve) => connection.once('close', resolve));
    const line = `DELETE /connections/${encodeURIComponent(name)}` as const;
    assert.is((await ask(line, { headers: { 'x-reason': 'out of hours' } })).status, 204);
    assert.match((await closed).message, /320 \(CONNECTION-FORCED\).*CONNECTION_FORCED - out of hours/);
    await until('the connection is gone', async () => (await ask(line)).status === 404);
  }));

test('a user closes only its own connections', () =>
  withManagement(async ({ place, ask }) => {
    place.broker.users.put({ name: 'bob', password: 'b', tags: ['management'] });
    place.broker.users.allow('bob', '/', { configure: '.*', write: '.*', read: '.*' });
    const own = await place.connection({ user: 'bob', password: 'b' });
    await place.connection();
    assert.is(((await ask('GET /connections', { as: 'bob:b' })).body as Item[]).length, 1);
    const other = (await getItems(ask, '/connections')).find(({ user }) => user === 'guest');
    const line = `DELETE /connections/${encodeURIComponent(String(other?.['name']))}` as const;
    assert.is((await ask(line, { as: 'bob:b' })).status, 401);
    assert.is((await ask('DELETE /connections/username/guest', { as: 'bob:b' })).status, 401);
    const closed = new Promise<Error>((resolve) => own.once('close', resolve));
    assert.is((await ask('DELETE /connections/username/bob', { as: 'bob:b' })).status, 204);
    assert.match((await closed).message, /320/);
    await until('one connection is left', async () => (await getItems(ask, '/connections')).length === 1);
  }));

test('publishes and gets a message with its properties', () =>
  withManagement(async ({ place, ask }) => {
    await ask('PUT /queues/%2F/q');
    const properties = {
      content_type: 'text/plain',
      headers: { n: 1, list: [1, 'a', { deep: true }] },
      delivery_mode: 2,
      priority: 4,
      correlation_id: 'c',
      expiration: '60000',
      timestamp: 1_700_000_000,
      user_id: 'guest',
    };
    const message = { properties, routing_key: 'q', payload: '//4=', payload_encoding: 'base64' };
    const publish = async (body: Item) => (await ask('POST /exchanges/%2F/amq.default/publish', { body })).body;
    assert.equal(await publish(message), { routed: true });
    assert.equal(await publish({ ...message, routing_key: 'nowhere' }), { routed: false });
    const get = async (ackmode: string, more: Item = {}) =>
      (await ask('POST /queues/%2F/q/get', { body: { count: 9, ackmode, encoding: 'auto', ...more } })).body as Item[];
    const expected = {
      payload_bytes: 2,
      redelivered: false,
      exchange: '',
      routing_key: 'q',
      message_count: 0,
      properties,
      payload: '//4=',
      payload_encoding: 'base64',
    };
    assert.equal(await get('ack_requeue_true'), [expected]);
    assert.equal(await get('reject_requeue_true', { truncate: 1 }), [
      { ...expected, redelivered: true, payload: '/w==' },
    ]);
    const channel = await place.channel();
    const got = await channel.get('q');
    assert.ok(got !== false && got.fields.redelivered && got.content.equals(Buffer.from([255, 254])));
    assert.equal(got.properties.headers, properties.headers);
    channel.nack(got);
    await channel.assertQueue('q', { durable: false });
    assert.is((await get('ack_requeue_false')).length, 1);
    assert.equal(await get('ack_requeue_false'), []);
    await publish({ ...message, payload: 'hé', payload_encoding: 'string' });
    const [{ payload, payload_encoding: encoding } = {}] = await get('ack_requeue_false');
    assert.equal([payload, encoding], ['hé', 'string']);
  }));

test('dead-letters a message that is rejected by get', () =>
  withManagement(async ({ place, ask }) => {
    await ask('PUT /queues/%2F/dead');
    const body = { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' } };
    await ask('PUT /queues/%2F/q', { body });
    const channel = await place.channel();
    channel.sendToQueue('q', Buffer.from('1'));
    await channel.waitForConfirms();
    await ask('POST /queues/%2F/q/get', { body: { count: 1, ackmode: 'reject_requeue_false', encoding: 'auto' } });
    assert.is((await getItem(ask, '/queues/%2F/q'))['messages'], 0);
    const [dead = {}] = (
      await ask('POST /queues/%2F/dead/get', { body: { count: 1, ackmode: 'ack_requeue_false', encoding: 'auto' } })
    ).body as Item[];
    assert.is(((dead['properties'] as Item)['headers'] as Item)['x-first-death-reason'], 'rejected');
  }));

test('a quorum queue counts deliveries of get as RabbitMQ 4.3 does', () =>
  withManagement(async ({ ask }) => {
    const declaration = { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1 } };
    await ask('PUT /queues/%2F/q', { body: declaration });
    const message = { properties: {}, routing_key: 'q', payload: 'x', payload_encoding: 'string' };
    await ask('POST /exchanges/%2F/amq.default/publish', { body: message });
    const headers = async (ackmode: string) => {
      const body = { count: 1, ackmode, encoding: 'auto' };
      const [got] = (await ask('POST /queues/%2F/q/get', { body })).body as Item[];
      return got === undefined ? 'none' : (got['properties'] as Item)['headers'];
    };
    assert.is(await headers('ack_requeue_true'), undefined);
    assert.equal(await headers('ack_requeue_true'), { 'x-acquired-count': 1 });
    assert.equal(await headers('reject_requeue_true'), { 'x-acquired-count': 2 });
    assert.equal(await headers('reject_requeue_true'), { 'x-acquired-count': 3, 'x-delivery-count': 1 });
    assert.is(await headers('reject_requeue_true'), 'none');
  }));

test("checks a user's permissions for every request", () =>
  withManagement(async ({ place, ask }) => {
    const { users } = place.broker;
    users.put({ name: 'bob', password: 'b', tags: ['management'] });
    users.allow('bob', '/', { configure: '^$', write: '^$', read: '^$' });
    await ask('PUT /queues/%2F/q');
    await ask('PUT /exchanges/%2F/e', { body: { type: 'direct' } });
    await ask('POST /bindings/%2F/e/e/q/q', { body: { routing_key: 'k' } });
    const message = { properties: {}, routing_key: 'q', payload: 'x', payload_encoding: 'string' };
    for (const [line, body] of [
      ['PUT /queues/%2F/r', {}],
      ['DELETE /queues/%2F/q', {}],
      ['DELETE /queues/%2F/q/contents', {}],
      ['PUT /exchanges/%2F/f', { type: 'direct' }],
      ['DELETE /exchanges/%2F/e', {}],
      ['POST /bindings/%2F/e/e/q/q', { routing_key: 'l' }],
      ['DELETE /bindings/%2F/e/e/q/q/k', {}],
      ['POST /queues/%2F/q/get', { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto' }],
    ] as const) {
      assert.is((await ask(line, { as: 'bob:b', body })).status, 401, line);
    }
    // RabbitMQ answers a forbidden publish with 400, not 401.
    assert.is((await ask('POST /exchanges/%2F/amq.default/publish', { as: 'bob:b', body: message })).status, 400);
    assert.is((await getItem(ask, '/queues/%2F/q'))['messages'], 0);
    assert.is((await getItems(ask, '/bindings/%2F/e/e/q/q')).length, 1);
  }));

test('refuses an invalid publish or get with 400', () =>
  withManagement(async ({ ask }) => {
    await ask('PUT /queues/%2F/q');
    const good = { properties: {}, routing_key: 'q', payload: 'x', payload_encoding: 'string' };
    for (const wrong of [
      { payload_encoding: undefined },
      { payload_encoding: 'rot13' },
      { payload: '*', payload_encoding: 'base64' },
      { payload: 7 },
      { properties: 7 },
      { properties: { delivery_mode: 'a' } },
      { properties: { priority: 256 } },
      { properties: { expiration: 'soon' } },
      { properties: { user_id: 'somebody' } },
      { properties: { reply_to: 'amq.rabbitmq.reply-to' } },
      { properties: { headers: { CC: 7 } } },
    ]) {
      const { status } = await ask('POST /exchanges/%2F/amq.default/publish', { body: { ...good, ...wrong } });
      assert.is(status, 400, JSON.stringify(wrong));
    }
    for (const wrong of [
      { count: -1 },
      { count: 'a' },
      { ackmode: 'toString' },
      { encoding: 'x' },
      { count: undefined },
    ]) {
      const body = { count: 1, ackmode: 'ack_requeue_true', encoding: 'auto', ...wrong };
      assert.is((await ask('POST /queues/%2F/q/get', { body })).status, 400, JSON.stringify(wrong));
    }
    assert.is((await getItem(ask, '/queues/%2F/q'))['messages'], 0);
    assert.is((await ask('POST /exchanges/%2F/nope/publish', { body: good })).status, 404);
  }));

test('refuses messages and reports the alarm during a memory alarm', () =>
  withManagement(
    async ({ ask }) => {
      await ask('PUT /queues/%2F/q');
      assert.is((await ask('GET /health/checks/alarms')).status, 200);
      const body = { properties: {}, routing_key: 'q', payload: 'x'.repeat(2000), payload_encoding: 'string' };
      const publish = async () => (await ask('POST /exchanges/%2F/amq.default/publish', { body })).status;
      assert.is(await publish(), 200);
      assert.is(await publish(), 503);
      assert.is((await ask('GET /health/checks/alarms')).status, 503);
      await ask('DELETE /queues/%2F/q/contents');
      assert.is(await publish(), 200);
    },
    { memoryLimitBytes: 1500 },
  ));

test.run();
