// Tests that the broker can be administered through its HTTP API, as `mq admin` does. Skipped if there is no API.

import { parseManagement } from '../../admin/address.ts';
import { Management } from '../../admin/client.ts';
import { apiPath } from '../../admin/path.ts';
import { assert, broker, eventually, role, skip, suite } from '../test-file/user.ts';

type Item = Readonly<Record<string, unknown>>;

const administration = suite<{ api: Management }>('administration');
/** This name must be encoded in a path. */
const name = 'self /%?# ü';

administration.before((context) => {
  if (broker.managementUrls.length === 0) skip('needs the management API of the broker');
  const login = { user: 'guest', password: 'guest' };
  const addresses = broker.managementUrls.flatMap((url) => parseManagement(url, { at: '--management-url', login }));
  context.api = new Management({ addresses });
});
administration.after(({ api }) => api?.close());

administration('the user who tests is let in, and the overview tells what answers', async ({ api }) => {
  const { tags } = (await api.request('GET', '/whoami')) as { tags: unknown };
  assert.ok([tags].flat().includes('administrator'), `the tags are ${JSON.stringify(tags)}`);
  assert.type(((await api.request('GET', '/overview')) as Item)['rabbitmq_version'], 'string');
});

administration('a queue is made, made again, refused when it is another one, listed and deleted', async ({ api }) => {
  const path = apiPath`/queues/${broker.vhost}/${name}`;
  const body = { durable: true, arguments: { 'x-queue-type': 'classic', 'x-max-length': 5 } };
  assert.is((await api.ask('PUT', path, body)).status, 201);
  try {
    assert.is((await api.ask('PUT', path, body)).status, 204);
    const other = { ...body, arguments: { 'x-queue-type': 'quorum' } };
    assert.ok((await api.ask('PUT', path, other)).status >= 400);
    const { name: shown, type } = (await api.request('GET', path)) as Item;
    assert.equal([shown, type], [name, 'classic']);
    assert.ok((await namesIn(api, apiPath`/queues/${broker.vhost}`)).includes(name));
    assert.is((await api.ask('DELETE', `${path}/contents`)).status, 204);
  } finally {
    await api.request('DELETE', path);
  }
  assert.is((await api.ask('GET', path)).status, 404);
});

administration('an exchange is bound to a queue, and what binds them is found and taken away', async ({ api }) => {
  const exchange = apiPath`/exchanges/${broker.vhost}/${name}`;
  const queue = apiPath`/queues/${broker.vhost}/${name}`;
  const between = apiPath`/bindings/${broker.vhost}/e/${name}/q/${name}`;
  await api.request('PUT', queue, { durable: true });
  await api.request('PUT', exchange, { type: 'topic', durable: true });
  try {
    await api.request('POST', between, { routing_key: 'a.#/%', arguments: { x: 1 } });
    const [binding] = (await api.request('GET', between)) as Item[];
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
  const page = (await api.request('GET', apiPath`/exchanges/${broker.vhost}` + query)) as Item & { items: Item[] };
  const all = await namesIn(api, apiPath`/exchanges/${broker.vhost}`);
  assert.equal(
    page.items,
    all
      .toSorted()
      .reverse()
      .slice(0, 2)
      .map((one) => ({ name: one })),
  );
  assert.is(page['total_count'], all.length);
});

administration('a user gets a tag, a password and permissions, and goes', async ({ api }) => {
  const user = apiPath`/users/${`${name} ${broker.vhost}`}`;
  const permission = apiPath`/permissions/${broker.vhost}/${`${name} ${broker.vhost}`}`;
  await api.request('PUT', user, { password: 'pässword', tags: 'monitoring' });
  try {
    await api.request('PUT', permission, { configure: '', write: '^a', read: '.*' });
    assert.equal([((await api.request('GET', user)) as Item)['tags']].flat(), ['monitoring']);
    assert.is(((await api.request('GET', permission)) as Item)['write'], '^a');
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
  assert.equal(((await api.request('GET', path)) as Item)['definition'], { 'max-length': 5 });
  await api.request('DELETE', path);
});

administration('the definitions of a vhost come out, and go in again', async ({ api }) => {
  const path = apiPath`/definitions/${broker.vhost}`;
  const definitions = (await api.request('GET', path)) as { queues: Item[] };
  assert.ok(definitions.queues.length > 0);
  await api.request('POST', path, definitions);
});

administration('a connection is closed, and its role connects again', async ({ api }) => {
  const receiver = await role('worker');
  const worker = () =>
    eventually(
      'the connection of the worker is listed',
      async () => {
        const all = (await api.request('GET', apiPath`/vhosts/${broker.vhost}/connections`)) as Item[];
        return all.find((one) => String(one['user_provided_name']).startsWith('mq worker consume'));
      },
      patience,
    );
  const first = await worker();
  await api.request('DELETE', apiPath`/connections/${String(first['name'])}`);
  await eventually('there is another one', async () => (await worker())['name'] !== first['name'], patience);
  assert.is((await receiver.stop()).status, 0);
});

administration('it says that it is healthy', async ({ api }) => {
  for (const check of ['alarms', 'local-alarms', 'virtual-hosts']) {
    assert.is((await api.ask('GET', apiPath`/health/checks/${check}`)).status, 200, check);
  }
});

/** RabbitMQ refreshes its list of connections every five seconds. */
const patience = { within: 20_000 };

async function namesIn(api: Management, path: string): Promise<string[]> {
  return ((await api.request('GET', path)) as Item[]).map((item) => String(item['name']));
}

administration.run();
