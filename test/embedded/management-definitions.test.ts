// Tests virtual hosts, users, permissions and definitions over HTTP, and Rascal, which creates its virtual hosts this
// way.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import rascal, { type RascalBroker } from 'rascal';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStore } from '../../src/broker/store.ts';
import { drain } from '../support/embedded.ts';
import { HeldStore } from '../support/held-store.ts';
import { type Ask, withManagement } from '../support/management.ts';
import { until } from '../support/until.ts';

type Item = Record<string, unknown>;

test('a virtual host belongs to its creator; deleting it closes connections', () =>
  withManagement(async ({ place, ask }) => {
    assert.is((await ask('PUT /vhosts/a%2Fb')).status, 201);
    assert.is((await ask('PUT /vhosts/a%2Fb', { body: {} })).status, 204);
    assert.is(((await ask('GET /vhosts/a%2Fb')).body as Item)['name'], 'a/b');
    const connection = await place.connection({ vhost: 'a/b' });
    const closed = new Promise<unknown>((resolve) => connection.once('close', resolve));
    assert.is((await ask('DELETE /vhosts/a%2Fb')).status, 204);
    assert.match(String(await closed), /320/);
    assert.is((await ask('DELETE /vhosts/a%2Fb')).status, 404);
  }));

test('creates and changes a user, and deletes it with its connections', () =>
  withManagement(async ({ place, ask }) => {
    assert.equal((await ask('PUT /users/bob', { body: { password: 'b' } })).body, {
      error: 'bad_request',
      reason: 'tags_not_present',
    });
    assert.is((await ask('PUT /users/bob', { body: { password: 'b', tags: 'management, monitoring' } })).status, 201);
    const { name, tags } = (await ask('GET /users/bob')).body as Item;
    assert.equal([name, tags], ['bob', ['management', 'monitoring']]);
    const permission = { configure: '^x', write: '.*', read: '' };
    assert.is((await ask('PUT /permissions/%2F/bob', { body: permission })).status, 201);
    assert.is((await ask('PUT /permissions/%2F/bob', { body: permission })).status, 204);
    const expected = { user: 'bob', vhost: '/', ...permission };
    assert.equal((await ask('GET /permissions/%2F/bob')).body, expected);
    assert.equal((await ask('GET /users/bob/permissions')).body, [expected]);
    assert.ok(((await ask('GET /vhosts/%2F/permissions')).body as Item[]).some(({ user }) => user === 'bob'));

    const connection = await place.connection({ user: 'bob', password: 'b' });
    const closed = new Promise<unknown>((resolve) => connection.once('close', resolve));
    assert.is((await ask('DELETE /users/bob')).status, 204);
    assert.match(String(await closed), /user 'bob' was deleted/);
    assert.is((await ask('GET /users/bob')).status, 404);
    assert.is((await ask('GET /whoami', { as: 'bob:b' })).status, 401);
  }));

test('a user without a password cannot log in', () =>
  withManagement(async ({ ask }) => {
    await ask('PUT /users/bob', { body: { password: 'b', tags: 'management' } });
    assert.is((await ask('GET /whoami', { as: 'bob:b' })).status, 200);
    await ask('PUT /users/bob', { body: { tags: 'management' } });
    assert.is(((await ask('GET /users/bob')).body as Item)['password_hash'], '');
    for (const as of ['bob:b', 'bob:']) assert.is((await ask('GET /whoami', { as })).status, 401);
  }));

test('refuses invalid permissions with 400', () =>
  withManagement(async ({ ask }) => {
    const reason = async (path: string, body: unknown) =>
      ((await ask(`PUT /permissions/${path}`, { body })).body as Item)['reason'];
    const all = { configure: '', write: '', read: '' };
    assert.is(await reason('%2F/guest', { configure: '' }), '[{key_missing,write},{key_missing,read}]');
    assert.match(String(await reason('%2F/guest', { ...all, read: '(' })), /^invalid_regexp/);
    assert.is(await reason('%2F/nobody', all), 'vhost_or_user_not_found');
    assert.is(await reason('nope/guest', all), 'vhost_or_user_not_found');
    assert.is(((await ask('GET /permissions/%2F/guest')).body as Item)['read'], '.*');
  }));

/** Exported from RabbitMQ 4.3.6; bob's password is bobpw. */
const exported = {
  rabbitmq_version: '4.3.6',
  users: [
    {
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      limits: {},
      name: 'bob',
      password_hash: 'p8e2QFzXRQl2QdczpVv9eqs/EA1X4gI3EmzvcJ6q8Goo/4ck',
      tags: ['management'],
    },
  ],
  vhosts: [{ limits: {}, metadata: { description: '', tags: [], default_queue_type: 'classic' }, name: 'v1' }],
  permissions: [{ configure: '.*', read: '.*', user: 'bob', vhost: 'v1', write: '.*' }],
  policies: [{ vhost: '/', name: 'p', pattern: '^x', definition: { 'max-length': 1 } }],
  exchanges: [
    { arguments: {}, auto_delete: false, durable: true, name: 'amq.rabbitmq.log', type: 'topic', vhost: '/' },
    { arguments: {}, auto_delete: false, durable: true, name: 'te', type: 'topic', vhost: 'v1' },
  ],
  queues: [
    {
      arguments: { 'x-queue-type': 'quorum' },
      auto_delete: false,
      durable: true,
      name: 'tq',
      type: 'quorum',
      vhost: 'v1',
    },
  ],
  bindings: [
    { arguments: {}, destination: 'tq', destination_type: 'queue', routing_key: 'a.#', source: 'te', vhost: 'v1' },
  ],
};

test('imports definitions of RabbitMQ, and users log in with their passwords', () =>
  withManagement(async ({ place, ask }) => {
    assert.is((await ask('POST /definitions', { body: exported })).status, 204);
    assert.is((await ask('POST /definitions', { body: exported })).status, 204);
    const connection = await place.connection({ user: 'bob', password: 'bobpw', vhost: 'v1' });
    const channel = await place.channel(connection);
    channel.publish('te', 'a.b', Buffer.from('x'));
    await channel.waitForConfirms();
    assert.equal(await drain(channel, 'tq'), ['x']);
  }));

test('exported definitions create the same broker, with users and passwords', () =>
  withManagement(async ({ ask }) => {
    await ask('POST /definitions', { body: exported });
    const out = async (from: Ask) => (await from('GET /definitions')).body as Item;
    const definitions = await out(ask);
    await withManagement(async ({ ask: other }) => {
      assert.is((await other('POST /definitions', { body: definitions })).status, 204);
      assert.equal(await out(other), definitions);
      assert.is((await other('GET /whoami', { as: 'bob:bobpw' })).status, 200);
    });
    // Existing objects stay unchanged.
    const other = { queues: [{ name: 'tq', vhost: 'v1', durable: true, arguments: {} }] };
    assert.is((await ask('POST /definitions', { body: other })).status, 204);
    assert.equal((await out(ask))['queues'], definitions['queues']);
    const { queues, bindings } = (await ask('GET /definitions/v1')).body as Record<string, Item[]>;
    await ask('PUT /vhosts/v2');
    assert.is((await ask('POST /definitions/v2', { body: { queues, exchanges: [] } })).status, 204);
    assert.is((await ask('GET /queues/v2/tq')).status, 200);
    assert.is(bindings?.length, 1);
  }));

test('refuses invalid definitions with 400', () =>
  withManagement(async ({ ask }) => {
    for (const body of [
      { queues: [{ name: 'q', vhost: 'nope' }] },
      { queues: 'q' },
      { queues: [7] },
      { users: [{ name: 'u', tags: '', password_hash: 'abc' }] },
      { users: [{ name: 'u', tags: '', password_hash: 'AAAA', hashing_algorithm: 'rot13' }] },
    ]) {
      assert.is((await ask('POST /definitions', { body })).status, 400, JSON.stringify(body));
    }
  }));

test('recovers objects that were created over HTTP', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mq-management-'));
  const open = () => openStore(folder, { pid: process.pid, isAlive: () => true });
  try {
    await withManagement(
      async ({ ask }) => {
        await ask('POST /definitions', { body: exported });
        await ask('PUT /permissions/v1/guest', { body: { configure: '.*', write: '.*', read: '.*' } });
        const body = { properties: {}, routing_key: 'a.b', payload: 'kept', payload_encoding: 'string' };
        assert.equal((await ask('POST /exchanges/v1/te/publish', { body })).body, { routed: true });
      },
      { store: await open() },
    );
    await withManagement(
      async ({ ask }) => {
        const as = 'bob:bobpw';
        assert.is((await ask('GET /whoami', { as })).status, 200);
        const body = { count: 1, ackmode: 'ack_requeue_false', encoding: 'auto' };
        const [message = {}] = (await ask('POST /queues/v1/tq/get', { as, body })).body as Item[];
        assert.is(message['payload'], 'kept');
      },
      { store: await open() },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('answers a change after writing it to disk, or 500 if the disk fails', async () => {
  const held = new HeldStore();
  await withManagement(
    async ({ ask }) => {
      held.isHolding = true;
      let isAnswered = false;
      for (const [line, error, status] of [
        ['PUT /queues/%2F/q', undefined, 201],
        ['DELETE /queues/%2F/q', new Error('no space'), 500],
      ] as const) {
        const answer = ask(line, { body: { durable: true } }).finally(() => {
          isAnswered = true;
        });
        const done = await until('the store is asked', () => held.waiting.shift());
        // A read does not wait for the disk, and is answered after earlier requests.
        assert.is((await ask('GET /queues')).status, 200);
        assert.not.ok(isAnswered);
        done(error);
        assert.is((await answer).status, status);
        isAnswered = false;
      }
      held.isHolding = false;
    },
    { store: held.store },
  );
});

test('Rascal creates its virtual hosts, including `/`, and uses them', () =>
  withManagement(async ({ place, management }) => {
    const vhost = (name: string) => ({
      assert: true,
      connection: {
        url: place.url({ vhost: name }),
        management: { url: management.url.replace('//', '//guest:guest@') },
      },
      queues: { q: {} },
    });
    const broker = await new Promise<RascalBroker>((resolve, reject) => {
      const config = { vhosts: { mine: vhost('mine'), '/': vhost('/') } };
      rascal.createBroker(config, {}, (error, made) => (made === undefined || error ? reject(error) : resolve(made)));
    });
    broker.on('error', () => {});
    const { vhosts } = place.broker;
    assert.equal([...vhosts.keys()].sort(), ['/', 'mine']);
    for (const name of ['mine', '/']) assert.ok(vhosts.get(name)?.queues.has('q'), name);
    await new Promise<void>((resolve, reject) => broker.shutdown((error) => (error ? reject(error) : resolve())));
    await until('Rascal has disconnected', () => place.broker.connections.size === 0);
  }));

test.run();
