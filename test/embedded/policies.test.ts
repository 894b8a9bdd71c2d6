// Tests policies, operator policies, limits and metadata of virtual hosts. The answers are those of RabbitMQ 4.0 and
// 4.3.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BrokerOptions } from '../../src/broker/server.ts';
import { openStore } from '../../src/broker/store.ts';
import { HandClock } from '../support/broker-clock.ts';
import { drain, refusal } from '../support/embedded.ts';
import { type Ask, type Served, withManagement } from '../support/management.ts';

type Item = Record<string, unknown>;
type WithChannel = Served & { channel: Awaited<ReturnType<Served['place']['channel']>>; clock: HandClock };

/** Runs with a channel and a clock that the test advances. */
function withBroker(use: (served: WithChannel) => Promise<void>, options: BrokerOptions = {}): Promise<void> {
  const clock = new HandClock();
  return withManagement(async (served) => use({ ...served, clock, channel: await served.place.channel() }), {
    clock,
    ...options,
  });
}

const put = async (ask: Ask, path: string, body: unknown) => (await ask(`PUT ${path}`, { body })).status;
const bodies = (count: number) => Array.from({ length: count }, (_, index) => Buffer.from(`m${index}`));
const toDead = { 'dead-letter-exchange': '', 'dead-letter-routing-key': 'dead' };

for (const type of ['classic', 'quorum']) {
  const options = { arguments: { 'x-queue-type': type } };

  test(`${type}: a new length limit dead-letters the excess messages at once`, () =>
    withBroker(async ({ ask, channel }) => {
      await channel.assertQueue('dead');
      await channel.assertQueue('q', options);
      for (const body of bodies(5)) channel.sendToQueue('q', body);
      await channel.waitForConfirms();
      const policy = { pattern: '^q$', definition: { 'max-length': 2, ...toDead }, 'apply-to': 'queues' };
      assert.is(await put(ask, '/policies/%2F/p', policy), 201);
      assert.is(await put(ask, '/policies/%2F/p', policy), 204);
      assert.equal(await drain(channel, 'dead'), ['m0', 'm1', 'm2']);
      assert.equal(await drain(channel, 'q'), ['m3', 'm4']);
      const { policy: name, effective_policy_definition: effective } = (await ask('GET /queues/%2F/q')).body as Item;
      assert.equal([name, effective], ['p', policy.definition]);
      assert.is((await ask('DELETE /policies/%2F/p')).status, 204);
      for (const body of bodies(3)) channel.sendToQueue('q', body);
      await channel.waitForConfirms();
      assert.equal(await drain(channel, 'q'), ['m0', 'm1', 'm2']);
    }));

  test(`${type}: message-ttl applies to new messages, expires to the queue`, () =>
    withBroker(async ({ ask, channel, clock, place }) => {
      await channel.assertQueue('q', options);
      channel.sendToQueue('q', Buffer.from('before'));
      await channel.waitForConfirms();
      await put(ask, '/policies/%2F/p', { pattern: 'q', definition: { 'message-ttl': 500 } });
      clock.move(1000);
      assert.equal(await drain(channel, 'q'), ['before']);
      channel.sendToQueue('q', Buffer.from('after'));
      await channel.waitForConfirms();
      clock.move(1000);
      assert.equal(await drain(channel, 'q'), []);
      await put(ask, '/policies/%2F/p', { pattern: 'q', definition: { expires: 1000 }, 'apply-to': `${type}_queues` });
      clock.move(999);
      assert.ok(place.broker.vhosts.get('/')?.queues.has('q'));
      clock.move(1);
      assert.not(place.broker.vhosts.get('/')?.queues.has('q'));
    }));

  test(`${type}: the smallest limit applies, and arguments override policies`, () =>
    withBroker(async ({ ask, channel, place }) => {
      await channel.assertQueue('q', {
        arguments: { ...options.arguments, 'x-max-length': 3, 'x-dead-letter-exchange': 'mine' },
      });
      const settings = () => {
        const { maxLength, deadLetterExchange, overflow } =
          place.broker.vhosts.get('/')?.queues.get('q')?.settings ?? {};
        return [maxLength, deadLetterExchange, overflow];
      };
      const definition = { 'max-length': 5, 'dead-letter-exchange': 'theirs', overflow: 'reject-publish' };
      await put(ask, '/policies/%2F/p', { pattern: '^q', definition });
      assert.equal(settings(), [3, 'mine', 'reject-publish']);
      await put(ask, '/policies/%2F/p', { pattern: '^q', definition: { 'max-length': 2 } });
      assert.equal(settings(), [2, 'mine', 'drop-head']);
      await put(ask, '/operator-policies/%2F/o', { pattern: '^q', definition: { 'max-length': 1 } });
      assert.equal(settings(), [1, 'mine', 'drop-head']);
      const shown = (await ask('GET /queues/%2F/q')).body as Item;
      assert.equal(
        [shown['policy'], shown['operator_policy'], shown['effective_policy_definition']],
        ['p', 'o', { 'max-length': 1 }],
      );
    }));
}

test('a quorum queue treats reject-publish-dlx as drop-head', () =>
  withBroker(async ({ ask, channel }) => {
    const full = { 'max-length': 1, overflow: 'reject-publish-dlx' };
    await put(ask, '/policies/%2F/p', { pattern: '^policy$', definition: full });
    const type = { 'x-queue-type': 'quorum' };
    await channel.assertQueue('policy', { arguments: type });
    await channel.assertQueue('argument', {
      arguments: { ...type, 'x-max-length': 1, 'x-overflow': 'reject-publish-dlx' },
    });
    for (const queue of ['policy', 'argument']) {
      for (const body of bodies(3)) channel.sendToQueue(queue, body);
      await channel.waitForConfirms();
      assert.equal(await drain(channel, queue), ['m2'], queue);
    }
  }));

test('applies delivery-limit of a policy', () =>
  withBroker(async ({ ask, channel }) => {
    await put(ask, '/policies/%2F/p', { pattern: '^q', definition: { 'delivery-limit': 1 } });
    await channel.assertQueue('q', { arguments: { 'x-queue-type': 'quorum' } });
    channel.sendToQueue('q', Buffer.from('m'));
    await channel.waitForConfirms();
    let count = 0;
    for (let got = await channel.get('q'); got !== false; got = await channel.get('q')) {
      count++;
      channel.reject(got, true);
    }
    assert.is(count, 2);
  }));

test('waiting dead letters are sent when a policy names an exchange again', () =>
  withBroker(async ({ ask, channel, clock }) => {
    const strategy = { 'dead-letter-strategy': 'at-least-once', overflow: 'reject-publish' };
    const definition = { ...strategy, 'dead-letter-exchange': 'missing' };
    await put(ask, '/policies/%2F/p', { pattern: '^q', definition });
    await channel.assertQueue('dead');
    await channel.assertQueue('q', { arguments: { 'x-queue-type': 'quorum' } });
    channel.sendToQueue('q', Buffer.from('m'));
    await channel.waitForConfirms();
    const got = await channel.get('q');
    if (got) channel.nack(got, false, false);
    await channel.checkQueue('q');
    await ask('DELETE /policies/%2F/p');
    clock.move(5000);
    await put(ask, '/policies/%2F/p', { pattern: '^q', definition: { ...strategy, ...toDead } });
    clock.move(5000);
    assert.equal(await drain(channel, 'dead'), ['m']);
  }));

test('applies only the policy with the highest priority for the type', () =>
  withBroker(async ({ ask, channel }) => {
    await channel.assertQueue('q');
    await channel.assertExchange('q', 'direct');
    const rows = [
      ['low', { pattern: '^q', definition: { 'max-length': 1 }, priority: 1 }],
      ['high', { pattern: '^q', definition: { 'max-length': 2 }, priority: 2, 'apply-to': 'classic_queues' }],
      ['quorum', { pattern: '^q', definition: { 'max-length': 3 }, priority: 3, 'apply-to': 'quorum_queues' }],
      ['other', { pattern: '^r', definition: { 'max-length': 4 }, priority: 4 }],
      ['exchange', { pattern: '^q', definition: { 'alternate-exchange': 'x' }, priority: 5, 'apply-to': 'exchanges' }],
    ] as const;
    for (const [name, policy] of rows) assert.is(await put(ask, `/policies/%2F/${name}`, policy), 201);
    const policyOf = async (path: string) => ((await ask(`GET ${path}`)).body as Item)['policy'];
    assert.is(await policyOf('/queues/%2F/q'), 'high');
    assert.is(await policyOf('/exchanges/%2F/q'), 'exchange');
    await ask('DELETE /policies/%2F/high');
    assert.is(await policyOf('/queues/%2F/q'), 'low');
    assert.equal(
      ((await ask('GET /policies/%2F')).body as Item[]).map(({ name }) => name),
      ['low', 'quorum', 'other', 'exchange'],
    );
  }));

test('alternate-exchange of a policy applies to connected publishers', () =>
  withBroker(async ({ ask, channel }) => {
    await channel.assertExchange('alternate', 'fanout');
    await channel.assertQueue('q');
    await channel.bindQueue('q', 'alternate', '');
    await channel.assertExchange('x', 'direct');
    channel.publish('x', 'k', Buffer.from('lost'));
    await channel.waitForConfirms();
    const definition = { 'alternate-exchange': 'alternate' };
    await put(ask, '/policies/%2F/p', { pattern: '^x$|^amq\\.topic$', definition, 'apply-to': 'exchanges' });
    channel.publish('x', 'k', Buffer.from('kept'));
    channel.publish('amq.topic', 'k', Buffer.from('kept, too'));
    await channel.waitForConfirms();
    await ask('DELETE /policies/%2F/p');
    channel.publish('x', 'k', Buffer.from('lost'));
    await channel.waitForConfirms();
    assert.equal(await drain(channel, 'q'), ['kept', 'kept, too']);
  }));

test('refuses an invalid policy with 400 and does not store it', () =>
  withBroker(async ({ ask }) => {
    const definition = { 'max-length': 5 };
    const longKey = 'k'.repeat(256);
    for (const [body, reason] of [
      [{ definition }, '[{key_missing,pattern}]'],
      [{ pattern: '^t' }, '[{key_missing,definition}]'],
      [{ pattern: '^t', definition: {} }, 'Validation failed\n\nno policy provided\n'],
      [{ pattern: '^t', definition: { 'max-length': -5 } }, 'Validation failed\n\n-5 is not a valid maximum length\n'],
      [
        { pattern: '^t', definition: { 'max-length': '5' } },
        'Validation failed\n\n<<"5">> is not a valid maximum length\n',
      ],
      [{ pattern: '^t', definition: { expires: 0 } }, 'Validation failed\n\n0 is not a valid queue expiry\n'],
      [
        { pattern: '^t', definition: { 'dead-letter-routing-key': longKey } },
        `Validation failed\n\n<<"${longKey}">> is not a valid dead letter routing key\n`,
      ],
      [
        { pattern: '^t', definition: { 'max-lengt': 5 } },
        'Validation failed\n\n[{<<"max-lengt">>,5}] are not recognised policy settings\n',
      ],
    ] as const) {
      assert.equal(await ask('PUT /policies/%2F/p', { body }).then(({ status, body: told }) => [status, told]), [
        400,
        { error: 'bad_request', reason },
      ]);
    }
    assert.is(await put(ask, '/policies/%2F/p', { pattern: '(', definition }), 400);
    assert.is(await put(ask, '/policies/%2F/p', { pattern: '', definition, 'apply-to': 'moons' }), 400);
    assert.is(await put(ask, '/policies/%2F/p', { pattern: '', definition, priority: '1' }), 400);
    assert.is(await put(ask, '/policies/%2F/p', { pattern: '', definition: { 'consumer-timeout': 1000 } }), 400);
    assert.is(await put(ask, '/operator-policies/%2F/o', { pattern: '', definition: toDead }), 400);
    assert.is(await put(ask, '/policies/nope/p', { pattern: '', definition }), 404);
    assert.is((await ask('DELETE /policies/%2F/p')).status, 404);
    assert.equal((await ask('GET /policies')).body, []);
  }));

test('enforces the limits of a virtual host on queues and connections', () =>
  withBroker(async ({ ask, channel, place }) => {
    assert.is(await put(ask, '/vhost-limits/%2F/max-queues', { value: 1 }), 204);
    assert.is(await put(ask, '/vhost-limits/%2F/max-connections', { value: 1 }), 204);
    assert.is(await put(ask, '/vhost-limits/%2F/moons', { value: 1 }), 400);
    assert.is(await put(ask, '/vhost-limits/%2F/max-queues', { value: 'x' }), 400);
    const value = { 'max-queues': 1, 'max-connections': 1 };
    assert.equal((await ask('GET /vhost-limits')).body, [{ vhost: '/', value }]);
    await channel.assertQueue('q');
    await channel.assertQueue('q');
    assert.equal(await refusal(channel, () => channel.assertQueue('r')), {
      code: 406,
      text: "PRECONDITION_FAILED - cannot declare queue 'r': queue limit in vhost '/' (1) is reached",
    });
    const refused = await place.connection().catch((error: unknown) => String(error));
    // amqplib does not expose the text of a close during the handshake.
    assert.match(String(refused), /Expected ConnectionOpenOk; got <ConnectionClose/);
    assert.is((await ask('DELETE /vhost-limits/%2F/max-connections')).status, 204);
    await place.connection();
    assert.equal((await ask('GET /vhost-limits/%2F')).body, [{ vhost: '/', value: { 'max-queues': 1 } }]);
  }));

test("durable queues without a type get the vhost's default queue type", () =>
  withBroker(async ({ ask, place }) => {
    const metadata = { description: 'd', tags: ['a', 'b'], default_queue_type: 'quorum' };
    assert.is(await put(ask, '/vhosts/v', { ...metadata, tags: 'a,b' }), 201);
    const vhost = (await ask('GET /vhosts/v')).body as Item;
    assert.equal(vhost['metadata'], metadata);
    assert.equal([vhost['description'], vhost['tags'], vhost['default_queue_type']], ['d', ['a', 'b'], 'quorum']);
    const channel = await place.channel(await place.connection({ vhost: 'v' }));
    await channel.assertQueue('q', { messageTtl: 5000 });
    await channel.assertQueue('q', { messageTtl: 5000 });
    await channel.assertQueue('mine', { exclusive: true });
    await channel.assertQueue('short', { autoDelete: true });
    const types = ((await ask('GET /queues/v')).body as Item[]).map(({ name, type }) => `${name} ${type}`);
    assert.equal(types, ['mine classic', 'q quorum', 'short classic']);
    assert.equal(((await ask('GET /queues/v/q')).body as Item)['arguments'], {
      'x-message-ttl': 5000,
      'x-queue-type': 'quorum',
    });
    assert.is(await put(ask, '/vhosts/v', { default_queue_type: 'other' }), 400);
    assert.is(await put(ask, '/vhosts/v', { tracing: true }), 501);
    assert.is(await put(ask, '/vhosts/v', {}), 204);
    assert.is(((await ask('GET /vhosts/v')).body as Item)['description'], '');
  }));

test('permissions are PCRE patterns', () =>
  withBroker(async ({ ask }) => {
    await put(ask, '/users/bob', { password: 'b', tags: 'management' });
    const rights = { configure: '\\Atasks\\-[[:alpha:]]+\\z', write: '(?i)^UP$', read: '^(?!amq\\.)' };
    assert.is(await put(ask, '/permissions/%2F/bob', rights), 201);
    const declare = async (name: string) => (await ask(`PUT /queues/%2F/${name}`, { as: 'bob:b', body: {} })).status;
    assert.equal([await declare('tasks-a'), await declare('tasks-1'), await declare('xtasks-a')], [201, 401, 401]);
  }));

test('stores, exports and imports policies, limits and metadata', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mq-policies-'));
  const definitionsOf = async (ask: Ask) => {
    const { vhosts, policies, parameters } = (await ask('GET /definitions')).body as Item;
    return { vhosts, policies, parameters };
  };
  try {
    let exported: Item = {};
    const stored = async () => ({ store: await openStore(folder, { pid: 4_000_000, isAlive: () => false }) });
    await withBroker(
      async ({ ask, channel }) => {
        await put(ask, '/vhosts/v', { description: 'd', tags: 'a', default_queue_type: 'quorum' });
        await put(ask, '/vhost-limits/v/max-queues', { value: 7 });
        await put(ask, '/policies/%2F/p', { pattern: '\\Aq', definition: { 'max-length': 1 }, priority: 3 });
        await put(ask, '/policies/%2F/gone', { pattern: 'q', definition: { 'max-length': 9 }, priority: 9 });
        await put(ask, '/operator-policies/v/o', { pattern: 'q', definition: { 'max-length': 1 } });
        await ask('DELETE /policies/%2F/gone');
        await channel.assertQueue('q');
        exported = await definitionsOf(ask);
        assert.is((exported['parameters'] as Item[]).length, 2);
      },
      await stored(),
    );
    await withBroker(
      async ({ ask, place }) => {
        assert.equal(await definitionsOf(ask), exported);
        assert.is(place.broker.vhosts.get('/')?.queues.get('q')?.settings.maxLength, 1);
      },
      await stored(),
    );
    await withBroker(async ({ ask }) => {
      assert.is((await ask('POST /definitions', { body: exported })).status, 204);
      assert.equal(await definitionsOf(ask), exported);
      const bad = { policies: [{ vhost: '/', name: 'n', pattern: '', definition: { 'max-length': -1 } }] };
      assert.is((await ask('POST /definitions', { body: bad })).status, 400);
      for (const refused of [
        { global_parameters: [{ name: 'mine', value: 1 }] },
        { users: [{ name: 'u', tags: '', limits: { 'max-connections': 1 } }] },
      ]) {
        assert.is((await ask('POST /definitions', { body: refused })).status, 501, JSON.stringify(refused));
      }
      const shovel = { parameters: [{ component: 'shovel', name: 's', vhost: '/', value: {} }] };
      assert.is((await ask('POST /definitions', { body: shovel })).status, 400);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
