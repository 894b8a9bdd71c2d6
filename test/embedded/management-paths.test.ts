// Tests further paths that probes, exporters and rabbitmqadmin request. The answers are those of RabbitMQ 4.3.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withManagement } from '../support/management.ts';

test('a health check answers 200, or 503 if the broker is unhealthy', () =>
  withManagement(async ({ ask, place, management }) => {
    const { port } = place.broker;
    for (const [check, status] of [
      ['alarms', 200],
      ['local-alarms', 200],
      ['virtual-hosts', 200],
      ['is-in-service', 200],
      ['ready-to-serve-clients', 200],
      ['node-is-quorum-critical', 200],
      ['metadata-store/initialized', 200],
      ['metadata-store/initialized/with-data', 200],
      ['below-node-connection-limit', 200],
      ['quorum-queues-without-elected-leaders/all-vhosts/', 200],
      ['quorum-queues-without-elected-leaders/all-vhosts/pattern/x', 200],
      ['quorum-queues-without-elected-leaders/vhost/%2F', 200],
      ['quorum-queues-without-elected-leaders/vhost/%2F/pattern/x', 200],
      [`port-listener/${port}`, 200],
      [`port-listener/${management.port}`, 200],
      ['port-listener/1', 503],
      ['port-listener/x', 400],
      ['protocol-listener/amqp', 200],
      ['protocol-listener/AMQP091', 200],
      ['protocol-listener/amqp0-9-1', 200],
      ['protocol-listener/amqp,http', 200],
      ['protocol-listener/amqps', 503],
      ['protocol-listener/nonsense', 503],
      ['certificate-expiration/1/months', 200],
      ['certificate-expiration/1/moons', 400],
      ['certificate-expiration/x/days', 400],
      ['nonsense', 404],
    ] as const) {
      assert.is((await ask(`GET /health/checks/${check}`)).status, status, check);
    }
    assert.equal((await ask('GET /health/checks/protocol-listener/amqps,mqtt')).body, {
      status: 'failed',
      reason: 'No active listener',
      missing: ['amqp/ssl', 'mqtt'],
      protocols: ['amqp', 'http'],
    });
    assert.is((await ask('GET /healthchecks/node')).status, 200);
    assert.is((await ask('GET /healthchecks/node/mq@localhost')).status, 200);
    assert.is((await ask('GET /healthchecks/node/other')).status, 404);
  }));

test('OPTIONS and a refused method name the methods of a path', () =>
  withManagement(async ({ ask }) => {
    const options = await ask('OPTIONS /queues/%2F/q', { as: null });
    assert.is(options.status, 200);
    assert.is(options.headers['allow'], 'HEAD, GET, PUT, DELETE, OPTIONS');
    const refused = await ask('PUT /overview');
    assert.is(refused.status, 405);
    assert.is(refused.headers['allow'], 'HEAD, GET, OPTIONS');
    assert.is((await ask('OPTIONS /nonsense')).status, 404);
  }));

test('returns the version as text, and sets the cluster name', () =>
  withManagement(async ({ ask, place }) => {
    assert.match(String((await ask('GET /version')).body), /^4\.3\.\d+$/);
    assert.is((await ask('PUT /cluster-name', { body: {} })).status, 400);
    assert.is((await ask('PUT /cluster-name', { body: { name: 'mine' } })).status, 204);
    assert.equal((await ask('GET /cluster-name')).body, { name: 'mine' });
    const [protocols] = [((await ask('GET /overview')).body as { listeners: { protocol: string }[] }).listeners];
    assert.equal(
      protocols.map(({ protocol }) => protocol),
      ['amqp', 'http'],
    );
    assert.is(place.broker.clusterName, 'mine');
  }));

test('returns queues with details, and the members of a quorum queue', () =>
  withManagement(async ({ ask }) => {
    await ask('PUT /queues/%2F/classic', { body: { durable: true } });
    await ask('PUT /queues/%2F/quorum', { body: { durable: true, arguments: { 'x-queue-type': 'quorum' } } });
    const { body } = await ask('GET /queues/detailed?columns=name,consumer_details');
    assert.equal(body, [
      { name: 'classic', consumer_details: [] },
      { name: 'quorum', consumer_details: [] },
    ]);
    const status = await ask('GET /queues/quorum/%2F/quorum/status');
    assert.equal(status.body, [{ 'Node Name': 'mq@localhost', 'Raft State': 'leader', Membership: 'voter' }]);
    assert.is((await ask('GET /queues/quorum/%2F/classic/status')).status, 503);
    assert.is((await ask('GET /queues/quorum/%2F/none/status')).status, 404);
    assert.is((await ask('POST /rebalance/queues')).status, 204);
  }));

test('publishes to the default exchange by its empty name', () =>
  withManagement(async ({ ask }) => {
    await ask('PUT /queues/%2F/q', { body: { durable: true } });
    const body = { routing_key: 'q', payload: 'p', payload_encoding: 'string', properties: {} };
    assert.equal((await ask('POST /exchanges/%2F//publish', { body })).body, { routed: true });
    assert.is(((await ask('GET /exchanges/%2F//')).body as { name: string }).name, '');
    assert.ok(Array.isArray((await ask('GET /exchanges/%2F/')).body));
  }));

test('reports the memory of the node in the categories of RabbitMQ', () =>
  withManagement(async ({ ask }) => {
    const { memory } = (await ask('GET /nodes/mq@localhost/memory')).body as { memory: Record<string, unknown> };
    const { strategy, total, ...parts } = memory;
    assert.is(strategy, 'rss');
    assert.ok((total as { rss: number }).rss > 0);
    for (const name of ['queue_procs', 'binary', 'code', 'other_proc', 'plugins', 'atom']) {
      assert.type(parts[name], 'number', name);
    }
    const relative = (await ask('GET /nodes/mq@localhost/memory/relative')).body as { memory: { total: number } };
    assert.is(relative.memory.total, 100);
    assert.is((await ask('GET /nodes/other/memory')).status, 404);
  }));

test('does not delete a protected virtual host', () =>
  withManagement(async ({ ask }) => {
    await ask('PUT /vhosts/v');
    assert.is((await ask('POST /vhosts/v/deletion/protection')).status, 204);
    await ask('PUT /vhosts/v', { body: { description: 'd' } });
    assert.is(((await ask('GET /vhosts/v')).body as Record<string, unknown>)['protected_from_deletion'], true);
    assert.is((await ask('DELETE /vhosts/v')).status, 412);
    assert.is((await ask('DELETE /vhosts/v/deletion/protection')).status, 204);
    assert.is((await ask('DELETE /vhosts/v')).status, 204);
    assert.is((await ask('POST /vhosts/v/deletion/protection')).status, 404);
  }));

test('lists users without permissions, and deletes several users', () =>
  withManagement(async ({ ask }) => {
    for (const name of ['a', 'b', 'c']) await ask(`PUT /users/${name}`, { body: { tags: '', password: 'p' } });
    await ask('PUT /permissions/%2F/c', { body: { configure: '', write: '', read: '' } });
    const bare = async () =>
      ((await ask('GET /users/without-permissions')).body as { name: string }[]).map((u) => u.name);
    assert.equal(await bare(), ['a', 'b']);
    assert.is((await ask('POST /users/bulk-delete', { body: {} })).status, 400);
    assert.is((await ask('POST /users/bulk-delete', { body: { users: ['a', 'nobody', 'c'] } })).status, 204);
    assert.equal((await ask('GET /users?columns=name')).body, [{ name: 'b' }, { name: 'guest' }]);
  }));

test.run();
