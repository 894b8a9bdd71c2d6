// Tests permissions for the routing keys of topic exchanges. The answers are those of RabbitMQ 4.3.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConfirmChannel } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BrokerOptions } from '../../src/broker/server.ts';
import { openStore } from '../../src/broker/store.ts';
import { type Closed, refusal } from '../support/embedded.ts';
import { type Ask, type Served, withManagement } from '../support/management.ts';

const topic = { exchange: 'amq.topic', write: '^a\\.{username}', read: '^b' };
const shown = { user: 'b.b', vhost: '/', ...topic };

/** Runs with a user that may use only some routing keys of amq.topic, and has all other permissions. */
function withUser(use: (served: Served) => Promise<void>, options: BrokerOptions = {}): Promise<void> {
  return withManagement(async (served) => {
    const { ask } = served;
    await ask('PUT /users/b.b', { body: { password: 'b', tags: 'management' } });
    await ask('PUT /permissions/%2F/b.b', { body: { configure: '.*', write: '.*', read: '.*' } });
    assert.is((await ask('PUT /topic-permissions/%2F/b.b', { body: topic })).status, 201);
    assert.is((await ask('PUT /topic-permissions/%2F/b.b', { body: topic })).status, 204);
    await use(served);
  }, options);
}

const refused = (access: string): Closed => ({
  code: 403,
  text: `ACCESS_REFUSED - ${access} access to topic 'c' in exchange 'amq.topic' in vhost '/' refused for user 'b.b'`,
});

test('a user may publish and bind only with the permitted routing keys', () =>
  withUser(async ({ ask, place }) => {
    const channel = () =>
      place.connection({ user: 'b.b', password: 'b' }).then((connection) => place.channel(connection));
    const allowed = await channel();
    await allowed.assertQueue('q');
    await allowed.bindQueue('q', 'amq.topic', 'b.x');
    await allowed.bindExchange('amq.topic', 'amq.fanout', 'c');
    allowed.publish('amq.topic', 'a.b.b.x', Buffer.from(''));
    allowed.publish('amq.direct', 'c', Buffer.from(''));
    await allowed.waitForConfirms();
    const cases: [access: string, use: (channel: ConfirmChannel) => unknown][] = [
      ['write', (other) => other.publish('amq.topic', 'c', Buffer.from(''))],
      ['write', (other) => other.publish('amq.topic', 'a.b.b', Buffer.from(''), { CC: ['c'] })],
      ['read', (other) => other.bindQueue('q', 'amq.topic', 'c')],
      ['read', (other) => other.unbindQueue('q', 'amq.topic', 'c')],
      ['read', (other) => other.bindExchange('amq.fanout', 'amq.topic', 'c')],
    ];
    for (const [access, use] of cases) {
      const other = await channel();
      assert.equal(await refusal(other, () => use(other)), refused(access), use.toString());
    }
    const other = await channel();
    // The dot in the user's name is not a wildcard of the pattern.
    const { code } = await refusal(other, () => other.publish('amq.topic', 'a.bxb', Buffer.from('')));
    assert.is(code, 403);
    const body = { routing_key: 'c', payload: '', payload_encoding: 'string', properties: {} };
    const as = 'b.b:b';
    // RabbitMQ answers a forbidden publish with 400, not 401.
    assert.is((await ask('POST /exchanges/%2F/amq.topic/publish', { as, body })).status, 400);
    assert.is((await ask('POST /bindings/%2F/e/amq.topic/q/q', { as, body })).status, 401);
  }));

test('lists topic permissions by every path, and deletes one or all', () =>
  withUser(async ({ ask }) => {
    for (const path of ['/topic-permissions', '/topic-permissions/%2F/b.b', '/vhosts/%2F/topic-permissions']) {
      assert.equal((await ask(`GET ${path}`)).body, [shown], path);
    }
    assert.equal((await ask('GET /users/b.b/topic-permissions')).body, [shown]);
    for (const body of [
      { exchange: 'x', write: '' },
      { exchange: 'x', write: '(', read: '' },
    ]) {
      assert.is((await ask('PUT /topic-permissions/%2F/b.b', { body })).status, 400);
    }
    assert.is((await ask('PUT /topic-permissions/%2F/unknown', { body: topic })).status, 400);
    assert.is((await ask('DELETE /topic-permissions/%2F/b.b/amq.topic')).status, 204);
    assert.is((await ask('DELETE /topic-permissions/%2F/b.b')).status, 404);
    assert.is((await ask('GET /topic-permissions/%2F/b.b')).status, 404);
  }));

test('stores, exports, imports topic permissions; deletes them with the user', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mq-topics-'));
  const stored = async () => ({ store: await openStore(folder, { pid: 4_000_000, isAlive: () => false }) });
  const exportOf = async (ask: Ask) => (await ask('GET /definitions')).body as { topic_permissions: unknown };
  try {
    let exported: unknown;
    await withUser(
      async ({ ask }) => {
        exported = await exportOf(ask);
      },
      await stored(),
    );
    await withManagement(
      async ({ ask }) => {
        assert.equal((await exportOf(ask)).topic_permissions, [shown]);
        await ask('DELETE /users/b.b');
      },
      await stored(),
    );
    await withManagement(async ({ ask }) => {
      assert.equal((await exportOf(ask)).topic_permissions, []);
      assert.is((await ask('POST /definitions', { body: exported })).status, 204);
      assert.equal((await exportOf(ask)).topic_permissions, [shown]);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
