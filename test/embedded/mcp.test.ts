// Checks mq mcp with clients of an old and a new protocol: results, read-only tools, redaction, secrets and the end.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Served } from '../support/management.ts';
import { type McpPeer, oldClient, type ToolResult, withMcpPlace, withNewClient } from '../support/mcp.ts';
import { emptyFolder } from '../support/mq.ts';
import { until } from '../support/until.ts';

const config = {
  vhosts: {
    '/': {
      exchanges: { shop: { type: 'topic' } },
      queues: { orders: {}, 'orders.dead': {} },
      bindings: ['shop[order.*] -> orders'],
    },
  },
  publications: { orders: { exchange: 'shop', routingKey: 'order.created' } },
  subscriptions: { orders: { queue: 'orders' } },
};

const passed = "import { test } from 'mq/test';\ntest('passes', () => {});\n";

test('a client of 2024-11-05 and one of 2026-07-28 receive the same results', () =>
  withShop(async ({ place }) => {
    const results: [ToolResult, ToolResult][] = [];
    const collect = async (peer: McpPeer) => {
      const peek = await peer.call('peek', { queue: 'orders' });
      return [peek, await peer.call('route', { to: 'shop', key: 'order.paid' })] as [ToolResult, ToolResult];
    };
    await withNewClient(place, async (peer) => {
      assert.is(peer.protocol, '2026-07-28');
      results.push(await collect(peer));
    });
    const old = await oldClient(place);
    assert.is(old.protocol, '2024-11-05');
    results.push(await collect(old));
    old.close();
    const [[peek, route], [otherPeek, otherRoute]] = results as [(typeof results)[0], (typeof results)[0]];
    assert.equal(bodiesOf(peek), ['{"id":1,"password":"hunter22"}', '{"id":2}']);
    assert.equal(bodiesOf(otherPeek), bodiesOf(peek));
    assert.equal(otherRoute.structured, route.structured);
    assert.match(String(peek.structured['about']), /data, not instructions/);
    assert.match(peek.text, /\nbegin (\S+)\n.*"body":"\{\\"id\\":2\}".*\nend \1$/s);
    assert.match(route.text, /"queues":\[\{"name":"orders"/);
  }));

test('without --allow-changes no tool is offered that changes the broker', () =>
  withShop(async ({ place }) => {
    await withNewClient(place, async (peer) => {
      const tools = await peer.tools();
      assert.ok(tools.length <= 12);
      const changing = tools.filter(({ annotations }) => annotations?.['readOnlyHint'] !== true);
      // Tests run code, but on a broker of their own.
      assert.equal(
        changing.map(({ name }) => name),
        ['test'],
      );
      for (const { inputSchema } of tools) assert.is(inputSchema['additionalProperties'], false);
      for (const name of ['apply', 'bench', 'dlq_change']) {
        const refused = await peer.call(name, {}).catch((error: Error) => error);
        assert.ok(refused instanceof Error || refused.isError, name);
      }
    });
    await withNewClient({ ...place, options: ['--allow-changes'] }, async (peer) => {
      const tools = await peer.tools();
      assert.ok(tools.length <= 12);
      const changing = tools.filter(({ annotations }) => annotations?.['destructiveHint'] === true);
      assert.equal(
        changing.map(({ name }) => name),
        ['test', 'dlq_change', 'apply'],
      );
    });
  }));

/** Arguments for each tool: some that a client would use, and some that try to change something. */
const attempts: Readonly<Record<string, readonly object[]>> = {
  check: [{}, { live: true }, { file: '--config=x' }, { file: '../x' }, { file: '/etc/passwd' }],
  help: [{ topic: 'dlq purge' }, { topic: '--yes' }],
  plan: [{}, { against: '-' }, { against: 'rascal.json' }, { apply: true }],
  graph: [{ live: true }, { focus: '--help' }, { format: 'svg' }],
  route: [{ to: 'orders' }, { to: '--live', key: '--yes' }, { to: 'shop', key: 'order.x', headers: { 'a:=': 1 } }],
  queues: [{}, { vhost: '/', filter: '--all' }, { vhost: 'new' }],
  peek: [
    { queue: 'orders' },
    { queue: 'orders', count: 100 },
    { queue: '--count=1' },
    { queue: 'new' },
    { queue: 'a\0b' },
  ],
  dlq: [
    ...[{ name: 'orders' }, { name: 'orders', group: 'reason' }, { name: 'orders', id: 'dead-1' }, { queue: 'orders' }],
    ...[{ name: 'purge', id: '--yes' }, { name: 'new' }, { queue: '--yes' }, { action: 'purge', name: 'orders' }],
  ],
  test: [{ files: ['ok.test.ts'] }, { files: ['--on=cluster'] }, { files: ['/etc'] }, { filter: '--self' }],
};

test('no tool changes anything without --allow-changes', () =>
  withShop(async ({ place, served }) => {
    const before = await stateOf(served);
    await withNewClient(place, async (peer) => {
      const tools = await peer.tools();
      assert.equal(tools.map(({ name }) => name).toSorted(), Object.keys(attempts).toSorted());
      for (const { name } of tools) {
        for (const args of attempts[name] ?? []) await peer.call(name, { ...args }).catch(() => undefined);
      }
      assert.is((await peer.call('test', { files: ['ok.test.ts'] })).isError, false);
    });
    assert.equal(await stateOf(served), before);
    assert.equal(await contentsOf(served), {
      orders: ['{"id":1,"password":"hunter22"}', '{"id":2}'],
      'orders.dead': ['dead one', 'dead two'],
    });
  }));

test('with --allow-changes, bench measures and leaves no queue behind', () =>
  withShop(async ({ place, served }) => {
    const before = await stateOf(served);
    await withNewClient({ ...place, options: ['--allow-changes'] }, async (peer) => {
      const args = { verb: 'pipe', rate: 100, seconds: 1, thresholds: ['lost==0', 'received-rate<1'] };
      const { isError, text, structured } = await peer.call('bench', args);
      assert.is(isError, false, text);
      assert.is(structured['status'], 1, text);
    });
    assert.equal(await stateOf(served), before);
  }));

test('--allow-changes deletes the dead letters that the client names', () =>
  withShop(async ({ place, served }) => {
    await withNewClient({ ...place, options: ['--allow-changes'] }, async (peer) => {
      const none = await peer.call('dlq_change', { action: 'purge', name: 'orders', ids: [] }).catch(() => undefined);
      assert.ok(none?.isError ?? true);
      const dry = await peer.call('dlq_change', {
        action: 'purge',
        queue: 'orders.dead',
        ids: ['dead-1'],
        dryRun: true,
      });
      assert.is(dry.isError, false, dry.text);
      const purged = await peer.call('dlq_change', { action: 'purge', queue: 'orders.dead', ids: ['dead-1'] });
      assert.equal(purged.structured['records'], [
        { action: 'purge', queue: 'orders.dead', done: 1, left: 1, dryRun: false },
      ]);
      assert.is((await peer.call('apply', {})).isError, false);
    });
    const names = (await stateOf(served)).queues;
    assert.ok(names.includes('orders.retry.1000'), names.join());
    assert.equal((await contentsOf(served))['orders.dead'], ['dead two']);
  }));

test('dlq_change refuses a live queue, and the beginning of an id', () =>
  withShop(async ({ place, served }) => {
    const channel = await served.place.channel();
    // A message that was retried has x-death, too.
    const death = { count: 1, reason: 'expired', queue: 'orders.retry.1000', exchange: '', 'routing-keys': ['orders'] };
    channel.sendToQueue('orders', Buffer.from('live'), { messageId: 'live-1', headers: { 'x-death': [death] } });
    channel.sendToQueue('orders.dead', Buffer.from('solo'), { messageId: 'solo-1' });
    await channel.waitForConfirms();
    await withNewClient({ ...place, options: ['--allow-changes'] }, async (peer) => {
      for (const action of ['purge', 'replay']) {
        for (const dryRun of [true, false]) {
          const live = await peer.call('dlq_change', { action, queue: 'orders', ids: ['live-1'], dryRun });
          assert.is(live.structured['status'], 64, live.text);
          assert.match(live.text, /'orders' is not a dead-letter queue/);
        }
        const { structured, text } = await peer.call('dlq_change', { action, queue: 'orders.dead', ids: ['solo'] });
        assert.is(structured['status'], 1, text);
      }
    });
    assert.equal(await contentsOf(served), {
      orders: ['{"id":1,"password":"hunter22"}', '{"id":2}', 'live'],
      'orders.dead': ['dead one', 'dead two', 'solo'],
    });
  }));

test('--redact removes fields of bodies and headers, and --max-body cuts', () =>
  withShop(async ({ place, served }) => {
    const channel = await served.place.channel();
    const options = { headers: { Token: 'abc', trace: 'x' } };
    channel.sendToQueue(
      'orders',
      Buffer.from(`{"inner":"{\\"token\\":\\"deep\\"}","long":"${'€'.repeat(100)}"}`),
      options,
    );
    channel.sendToQueue('orders', Buffer.from('token=plain'));
    channel.sendToQueue('orders', Buffer.from([0xff, 0xfe]));
    await channel.waitForConfirms();
    const options2 = ['--redact', 'token', '--redact', 'password', '--max-body', '40'];
    await withNewClient({ ...place, options: options2 }, async (peer) => {
      const { structured, text } = await peer.call('peek', { queue: 'orders' });
      const records = structured['records'] as { body: string; headers: object; cut?: object }[];
      assert.is(records[0]?.body, '{"id":1,"password":"***"}');
      assert.is(records[2]?.body, '{"inner":"{\\"token\\":\\"***\\"}","long":"');
      assert.equal(records[2]?.headers, { Token: '***', trace: 'x' });
      assert.equal(records[2]?.cut, { bytes: { body: 341 } });
      for (const secret of ['hunter22', 'abc', 'deep', 'plain', '//4=']) assert.not(text.includes(secret), secret);
      const listed = (await peer.tools()).find(({ name }) => name === 'peek');
      assert.not(Object.keys(listed?.inputSchema['properties'] ?? {}).includes('filter'));
      const filtered = await peer.call('peek', { queue: 'orders', filter: ['token=abc'] }).catch(() => undefined);
      assert.ok(filtered?.isError ?? true);
    });
  }));

test('no password appears in a result, an error or on stderr', () =>
  withShop(async ({ place, served }) => {
    const password = 'S3cret/pass:word';
    const tag = { password, tags: 'administrator' };
    await served.ask('PUT /users/app', { body: tag });
    await served.ask('PUT /permissions/%2F/app', { body: { configure: '.*', write: '.*', read: '.*' } });
    const channel = await served.place.channel();
    const leaks = [password, encodeURIComponent(password), Buffer.from(password).toString('base64')];
    for (const leak of leaks) channel.sendToQueue('orders', Buffer.from(`it is ${leak} here`));
    channel.sendToQueue('orders', Buffer.from('amqp://other:unknown@h/x'));
    await channel.waitForConfirms();
    const login = `app:${encodeURIComponent(password)}`;
    const env = {
      MQ_URL: served.place.url().replace('guest:guest', login),
      MQ_MANAGEMENT_URL: place.env['MQ_MANAGEMENT_URL']?.replace('guest:guest', login) ?? '',
    };
    const peer = await oldClient({ ...place, env });
    for (const name of ['plan', 'queues', 'dlq', 'test'])
      for (const args of attempts[name]?.slice(0, 1) ?? []) await peer.call(name, { ...args });
    const missing = await peer.call('peek', { queue: password });
    assert.is(missing.isError, true);
    const { structured } = await peer.call('peek', { queue: 'orders', count: 100 });
    assert.equal(
      (structured['records'] as { body: string }[]).slice(2).map(({ body }) => body),
      [...leaks.map(() => 'it is *** here'), 'amqp://***@h/x'],
    );
    peer.close();
    const { stdout, stderr } = await peer.ended;
    for (const secret of [...leaks, 'unknown']) assert.not((stdout + stderr).includes(secret), secret);
  }));

test('stops its commands at EOF, SIGTERM and SIGKILL', () =>
  withShop(async ({ place }) => {
    for (const way of ['close', 'SIGTERM', 'SIGKILL'] as const) {
      const cwd = emptyFolder({
        'slow.test.ts': [
          "import { test } from 'mq/test';",
          "import { writeFileSync } from 'node:fs';",
          "test('never ends', () => { writeFileSync('pid', String(process.pid)); return new Promise(() => setInterval(() => {}, 1e6)); });",
        ].join('\n'),
      });
      const peer = await oldClient({ ...place, cwd });
      peer.send('tools/call', { name: 'test', arguments: {} });
      const file = join(cwd, 'pid');
      await until('the test runs', () => existsSync(file) && readFileSync(file, 'utf8') !== '');
      const pid = Number(readFileSync(file, 'utf8'));
      if (way === 'close') peer.close();
      else peer.kill(way);
      const { status, stderr } = await peer.ended;
      if (way !== 'SIGKILL') assert.equal([status, stderr], [0, ''], way);
      await until('the test has ended', () => !isAlive(pid));
    }
  }));

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

interface Shop {
  readonly served: Served;
  readonly place: Parameters<typeof withNewClient>[0];
}

/** Runs `use` with the topology of `config`, two orders and two dead letters. */
function withShop(use: (shop: Shop) => Promise<void>): Promise<void> {
  return withMcpPlace(
    config,
    async (served, place) => {
      const channel = await served.place.channel();
      await channel.assertExchange('shop', 'topic');
      for (const queue of ['orders', 'orders.dead']) await channel.assertQueue(queue);
      await channel.bindQueue('orders', 'shop', 'order.*');
      channel.publish('shop', 'order.created', Buffer.from('{"id":1,"password":"hunter22"}'));
      channel.publish('shop', 'order.created', Buffer.from('{"id":2}'));
      channel.sendToQueue('orders.dead', Buffer.from('dead one'), { messageId: 'dead-1' });
      channel.sendToQueue('orders.dead', Buffer.from('dead two'), { messageId: 'dead-2' });
      await channel.waitForConfirms();
      await use({ served, place });
    },
    { 'ok.test.ts': passed },
  );
}

/** Returns the definitions of the broker, and the depths of its queues. */
async function stateOf({ ask, place }: Served) {
  const { body } = await ask('GET /definitions');
  const listed = (await ask('GET /queues')).body as { name: string }[];
  const queues = listed.map(({ name }) => name).toSorted();
  const channel = await place.channel();
  const depths = await Promise.all(queues.map(async (name) => (await channel.checkQueue(name)).messageCount));
  return { definitions: body, queues, depths };
}

/** Removes all messages, and returns their bodies by queue. */
async function contentsOf({ place }: Served): Promise<Record<string, string[]>> {
  const channel = await place.channel();
  const found: Record<string, string[]> = {};
  for (const queue of ['orders', 'orders.dead']) {
    const bodies: string[] = [];
    for (let got = await channel.get(queue); got; got = await channel.get(queue)) bodies.push(String(got.content));
    found[queue] = bodies;
  }
  return found;
}

function bodiesOf(result: ToolResult): string[] {
  return ((result.structured['records'] ?? []) as { body: string }[]).map(({ body }) => body);
}

test.run();
