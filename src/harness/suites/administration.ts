// Tests that `mq admin` can administer the broker through its HTTP API. Skipped if there is no API.

import { parseManagement } from '../../admin/address.ts';
import { Management } from '../../admin/client.ts';
import { apiPath } from '../../admin/path.ts';
import { listOf, objectOf, type Plain } from '../../config/plain.ts';
import { assert, broker, eventually, role, skip, suite } from '../test-file/user.ts';

const administration = suite<{ api: Management }>('administration');
/** Name with characters that must be encoded in a path. */
const name = 'self /%?# ü';

administration.before((context) => {
  if (broker.managementUrls.length === 0) skip('needs the management API of the broker');
  const login = { user: 'guest', password: 'guest' };
  const addresses = broker.managementUrls.flatMap((url) => parseManagement(url, { at: '--management-url', login }));
  context.api = new Management({ addresses });
});
administration.after(({ api }) => api?.close());

administration('the user is an administrator, and the overview has a version', async ({ api }) => {
  const { tags } = await item(api, '/whoami');
  assert.ok(listOf(tags).includes('administrator'), `the tags are ${JSON.stringify(tags)}`);
  assert.type((await item(api, '/overview'))['rabbitmq_version'], 'string');
});

administration('a queue is declared twice, refused with another type, listed and deleted', async ({ api }) => {
  const path = apiPath`/queues/${broker.vhost}/${name}`;
  const body = { durable: true, arguments: { 'x-queue-type': 'classic', 'x-max-length': 5 } };
  assert.is((await api.ask('PUT', path, body)).status, 201);
  try {
    assert.is((await api.ask('PUT', path, body)).status, 204);
    const other = { ...body, arguments: { 'x-queue-type': 'quorum' } };
    assert.ok((await api.ask('PUT', path, other)).status >= 400);
    const { name: shown, type } = await item(api, path);
    assert.equal([shown, type], [name, 'classic']);
    assert.ok((await namesIn(api, apiPath`/queues/${broker.vhost}`)).includes(name));
    assert.is((await api.ask('DELETE', `${path}/contents`)).status, 204);
  } finally {
    await api.request('DELETE', path);
  }
  assert.is((await api.ask('GET', path)).status, 404);
});

administration('an exchange is bound to a queue, and the binding is listed and deleted', async ({ api }) => {
  const exchange = apiPath`/exchanges/${broker.vhost}/${name}`;
  const queue = apiPath`/queues/${broker.vhost}/${name}`;
  const between = apiPath`/bindings/${broker.vhost}/e/${name}/q/${name}`;
  await api.request('PUT', queue, { durable: true });
  await api.request('PUT', exchange, { type: 'topic', durable: true });
  try {
    await api.request('POST', between, { routing_key: 'a.#/%', arguments: { x: 1 } });
    const [binding] = await items(api, between);
    assert.equal([binding?.['routing_key'], binding?.['arguments']], ['a.#/%', { x: 1 }]);
    await api.request('DELETE', between + apiPath`/${String(binding?.['properties_key'])}`);
    assert.equal(await api.request('GET', between), []);
  } finally {
    await api.request('DELETE', exchange);
    await api.request('DELETE', queue);
  }
});

administration('lists are paged and sorted by the broker', async ({ api }) => {
  const query = '?columns=name&sort=name&sort_reverse=true&page=1&page_size=2';
  const page = await item(api, apiPath`/exchanges/${broker.vhost}` + query);
  const all = await namesIn(api, apiPath`/exchanges/${broker.vhost}`);
  assert.equal(
    page['items'],
    all
      .toSorted()
      .reverse()
      .slice(0, 2)
      .map((one) => ({ name: one })),
  );
  assert.is(page['total_count'], all.length);
});

administration('a user is created with a tag, a password and permissions, and deleted', async ({ api }) => {
  const user = apiPath`/users/${`${name} ${broker.vhost}`}`;
  const permission = apiPath`/permissions/${broker.vhost}/${`${name} ${broker.vhost}`}`;
  await api.request('PUT', user, { password: 'pässword', tags: 'monitoring' });
  try {
    await api.request('PUT', permission, { configure: '', write: '^a', read: '.*' });
    assert.equal(listOf((await item(api, user))['tags']), ['monitoring']);
    assert.is((await item(api, permission))['write'], '^a');
    assert.is((await api.ask('DELETE', permission)).status, 204);
  } finally {
    await api.request('DELETE', user);
  }
  assert.is((await api.ask('GET', user)).status, 404);
});

administration('a policy is set and shown', async ({ api }) => {
  const path = apiPath`/policies/${broker.vhost}/${name}`;
  const body = { pattern: '^none$', definition: { 'max-length': 5 }, priority: 1, 'apply-to': 'queues' };
  const { status } = await api.ask('PUT', path, body);
  if (status === 501) skip('needs a broker with policies');
  assert.is(status, 201);
  assert.equal((await item(api, path))['definition'], { 'max-length': 5 });
  await api.request('DELETE', path);
});

administration('the definitions of a vhost are exported and imported again', async ({ api }) => {
  const path = apiPath`/definitions/${broker.vhost}`;
  const definitions = await item(api, path);
  assert.ok(listOf(definitions['queues']).length > 0);
  await api.request('POST', path, definitions);
});

administration('a role connects again after its connection is closed', async ({ api }) => {
  const receiver = await role('worker');
  const worker = () =>
    eventually(
      'the connection of the worker is listed',
      async () => {
        const all = await items(api, apiPath`/vhosts/${broker.vhost}/connections`);
        return all.find((one) => String(one['user_provided_name']).startsWith('mq worker consume'));
      },
      longLimit,
    );
  const first = await worker();
  await api.request('DELETE', apiPath`/connections/${String(first['name'])}`);
  await eventually(
    'the worker has a new connection',
    async () => (await worker())['name'] !== first['name'],
    longLimit,
  );
  assert.is((await receiver.stop()).status, 0);
});

administration('the health checks succeed', async ({ api }) => {
  for (const check of ['alarms', 'local-alarms', 'virtual-hosts']) {
    assert.is((await api.ask('GET', apiPath`/health/checks/${check}`)).status, 200, check);
  }
});

/** RabbitMQ refreshes its list of connections every five seconds. */
const longLimit = { within: 20_000 };

async function item(api: Management, path: string): Promise<Plain> {
  return objectOf(await api.request('GET', path));
}

async function items(api: Management, path: string): Promise<Plain[]> {
  return listOf(await api.request('GET', path)).map(objectOf);
}

async function namesIn(api: Management, path: string): Promise<string[]> {
  return (await items(api, path)).map(({ name }) => String(name));
}

administration.run();
