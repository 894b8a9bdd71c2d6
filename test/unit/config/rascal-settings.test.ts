import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Needs, rascalSettings } from '../../../src/config/rascal-settings.ts';
import { MqError } from '../../../src/errors.ts';
import { withBuiltinOf as configOf, fixture, rascalResult } from './fixture.ts';

const base = { publications: [], subscriptions: [], connectionName: 'n', heartbeatSeconds: 10 };

/** Returns the names of the exchanges and queues, and the bindings, after Rascal has read the settings. */
function declared(file: unknown, needs: Partial<Needs>, vhost = '/') {
  const made = rascalSettings(configOf(file), { ...base, ...needs });
  const { exchanges = {}, queues = {}, bindings = {} } = rascalResult(made).vhosts[vhost] ?? {};
  return {
    exchanges: Object.keys(exchanges).filter((name) => name !== ''),
    queues: Object.keys(queues),
    bindings: Object.values(bindings).map(
      (one) => `${one.source} [${one.bindingKey}] ${one.destinationType} ${one.destination}`,
    ),
  };
}

test('declares only the queue for a publication to a queue', () => {
  assert.equal(declared({}, { publications: ['task'] }), { exchanges: [], queues: ['task_queue'], bindings: [] });
});

test('a publication to an exchange does not declare private queues', () => {
  assert.equal(declared({}, { publications: ['logs'] }), { exchanges: ['logs'], queues: [], bindings: [] });
});

test('declares the queue, bindings and exchanges of a subscription', () => {
  const expected = { exchanges: ['logs'], queues: ['logs'], bindings: ['logs [#] queue logs'] };
  assert.equal(declared({}, { subscriptions: ['logs'] }), expected);
});

test('follows bindings upstream, also in a cycle', () => {
  const vhost = {
    exchanges: ['a', 'b', 'c', 'aside'],
    queues: ['q', 'other'],
    bindings: [
      'a -> q',
      { source: 'b', destination: 'a', destinationType: 'exchange', bindingKey: 'x' },
      { source: 'a', destination: 'b', destinationType: 'exchange', bindingKey: 'y' },
      'c -> other',
    ],
  };
  const file = { vhosts: { '/': vhost }, subscriptions: { s: { queue: 'q' } } };
  assert.equal(declared(file, { subscriptions: ['s'] }), {
    exchanges: ['a', 'b'],
    queues: ['q'],
    bindings: ['a [#] queue q', 'b [x] exchange a', 'a [y] exchange b'],
  });
});

test('follows messages to shared queues and to dead-letter exchanges', () => {
  const vhost = {
    exchanges: {
      in: { options: { arguments: { 'alternate-exchange': 'unrouted' } } },
      unrouted: { type: 'fanout' },
      dead: {},
      unused: {},
      next: {},
    },
    queues: {
      work: { options: { deadLetterExchange: 'dead' } },
      lost: {},
      dead: { options: { arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'parked' } } },
      parked: {},
      mine: { options: { exclusive: true } },
      yours: { replyTo: true },
      far: {},
      unused: {},
    },
    bindings: [
      'in[k] -> work',
      'in -> mine',
      'in -> yours',
      'unrouted -> lost',
      'dead -> dead',
      { source: 'in', destination: 'next', destinationType: 'exchange' },
      'next -> far',
      'unused -> unused',
    ],
  };
  const file = { vhosts: { '/': vhost }, publications: { p: { exchange: 'in' } } };
  const made = declared(file, { publications: ['p'] });
  assert.equal(made.exchanges, ['in', 'unrouted', 'dead', 'next']);
  assert.equal(made.queues, ['work', 'lost', 'dead', 'parked', 'far']);
  assert.equal(made.bindings.toSorted(), [
    'dead [#] queue dead',
    'in [#] exchange next',
    'in [k] queue work',
    'next [#] queue far',
    'unrouted [#] queue lost',
  ]);
});

test('replaces the binding keys of the file with given ones', () => {
  const file = {
    vhosts: { '/': { bindings: ['direct_logs[old,older] -> direct_logs', 'topic_logs -> direct_logs'] } },
  };
  const needs = { subscriptions: ['direct_logs'], bindingKeys: { direct_logs: ['info', '', 'a -> b', 'info'] } };
  assert.equal(declared(file, needs).bindings, [
    ...['info', '', 'a -> b'].map((key) => `direct_logs [${key}] queue direct_logs`),
    ...['info', '', 'a -> b'].map((key) => `topic_logs [${key}] queue direct_logs`),
  ]);
  assert.equal(declared(file, { ...needs, bindingKeys: { direct_logs: [] } }).bindings, []);
});

test('keeps several keys of a file, also an empty one', () => {
  const binding = { source: 'logs', destination: 'hello', bindingKeys: ['', 'a', 'b'] };
  const file = { vhosts: { '/': { bindings: [binding] } } };
  const keys = ['', 'a', 'b'].map((key) => `logs [${key}] queue hello`);
  assert.equal(declared(file, { subscriptions: ['hello'] }).bindings, keys);
});

test('accepts names with spaces and arrows', () => {
  const vhost = {
    exchanges: ['my exchange'],
    queues: ['a -> b'],
    bindings: { x: { source: 'my exchange', destination: 'a -> b', bindingKey: 'k' } },
  };
  const file = { vhosts: { '/': vhost }, subscriptions: { s: { queue: 'a -> b' } } };
  const made = declared(file, { subscriptions: ['s'] });
  assert.equal(made.bindings, ['my exchange [k] queue a -> b']);
});

test('declares and binds nothing with declare false', () => {
  const needs = { ...base, publications: ['logs'], subscriptions: ['logs'], declare: false };
  const extraQueues = { '/': { wait: {} } };
  const { exchanges, queues, bindings } =
    rascalResult(rascalSettings(configOf({}), { ...needs, extraQueues })).vhosts['/'] ?? {};
  assert.equal(
    Object.values(exchanges ?? {})
      .filter((one) => one.assert)
      .map((one) => one.fullyQualifiedName),
    [''],
  );
  assert.equal(
    Object.values(queues ?? {}).map((one) => one.assert),
    [false, false],
  );
  assert.equal(bindings, {});
});

test('declares only private queues if roles declare nothing, and checks others', () => {
  const file = {
    vhosts: {
      '/': {
        exchanges: ['orders'],
        queues: { shared: {}, mine: { options: { exclusive: true } } },
        bindings: ['orders[a] -> shared', 'orders[b] -> mine'],
      },
    },
    publications: { orders: { exchange: 'orders' } },
    subscriptions: { mine: { queue: 'mine' } },
    mq: { declare: false },
  };
  const needs = { ...base, publications: ['orders'], subscriptions: ['mine'] };
  const { exchanges, queues, bindings } = rascalResult(rascalSettings(configOf(file), needs)).vhosts['/'] ?? {};
  const modes = Object.values({ ...exchanges, ...queues }).map((one) => [
    one.fullyQualifiedName,
    one.assert,
    one.check,
  ]);
  assert.equal(
    modes.filter(([name]) => name !== ''),
    [
      ['orders', false, true],
      ['mine', true, undefined],
      ['shared', false, true],
    ],
  );
  assert.equal(
    Object.values(bindings ?? {}).map(({ destination }) => destination),
    ['mine'],
  );
});

test('declares extra queues that the file does not define', () => {
  const file = {
    defaults: { vhosts: { queues: { options: { messageTtl: 5 } } } },
    vhosts: { '/': { queues: { known: { options: { durable: true, maxLength: 1 } } } } },
  };
  const extraQueues = { '/': { wait: { options: { durable: true } }, known: {} } };
  const { queues = {} } = rascalResult(rascalSettings(configOf(file), { ...base, extraQueues })).vhosts['/'] ?? {};
  assert.equal(queues['wait']?.options, { durable: true, arguments: {} });
  assert.equal(queues['known']?.options, { durable: true, maxLength: 1, messageTtl: 5, arguments: {} });
});

test('applies the defaults of the file', () => {
  const config = configOf(fixture('good/defaults.json'));
  const made = rascalResult(rascalSettings(config, { ...base, publications: ['p', 'p2'], subscriptions: ['s'] }));
  assert.is(made.subscriptions['s']?.['prefetch'], 42);
  assert.is(made.subscriptions['s']?.['vhost'], 'v1');
  assert.is(made.vhosts['v1']?.queues['q']?.fullyQualifiedName, 'test:q');
  const given = made.vhosts['v1']?.queues['q']?.options['arguments'] as Record<string, unknown>;
  assert.is(given['x-queue-type'], 'quorum');
  assert.match(made.vhosts['v1']?.connections[0]?.url ?? '', /@common:5672\/v1\?heartbeat=7$/);
  assert.match(made.vhosts['v2']?.connections[0]?.url ?? '', /bob:secret@own:5672\/v2/);
});

test('prefers a given prefetch and sets the limits of the retry', () => {
  const made = rascalSettings(configOf({}), { ...base, subscriptions: ['task'], prefetch: { task: 7 } });
  const { prefetch, retry } = rascalResult(made).subscriptions['task'] ?? {};
  assert.is(prefetch, 7);
  assert.equal(retry, { min: 500, max: 10000, factor: 2, strategy: 'exponential' });
});

test("passes neither mq's settings nor shovels to Rascal", () => {
  const config = configOf(fixture('good/orders.json'));
  const made = rascalSettings(config, { ...base, subscriptions: ['save_user'], publications: ['ask'] });
  assert.equal(Object.keys(made).toSorted(), [
    'defaults',
    'encryption',
    'publications',
    'redeliveries',
    'subscriptions',
    'vhosts',
  ]);
  const vhost = (made['vhosts'] as Record<string, Record<string, unknown>>)['customer-vhost'] ?? {};
  assert.not.ok('assert' in vhost || 'check' in vhost);
  for (const key of ['handler', 'recovery', 'deprecated']) {
    assert.not.ok(key in ((made['subscriptions'] as Record<string, object>)['save_user'] ?? {}), key);
  }
});

test('keeps the default counter if the file lists counters', () => {
  const config = configOf({ redeliveries: { counters: [{ name: 'mine', type: 'inMemory' }] } });
  rascalResult(rascalSettings(config, { ...base, subscriptions: ['hello'] }));
});

test('does not change its arguments', () => {
  const config = configOf(fixture('good/orders.json'));
  const before = JSON.stringify(config);
  const needs = { ...base, subscriptions: ['save_user'] };
  assert.is(JSON.stringify(rascalSettings(config, needs)), JSON.stringify(rascalSettings(config, needs)));
  assert.is(JSON.stringify(config), before);
});

test('refuses an unknown publication with USAGE', () => {
  for (const name of ['nope', 'constructor', '__proto__']) {
    try {
      rascalSettings(configOf({}), { ...base, publications: [name] });
      assert.unreachable();
    } catch (error) {
      assert.is(error instanceof MqError && error.code, 'USAGE');
    }
  }
});

test("suggests names of the user's file, not of the built-in one", () => {
  const file = { vhosts: { '/': { queues: ['jobs'] } }, publications: { jobs: { queue: 'jobs' } } };
  const missing = (needs: Partial<Needs>) => {
    try {
      return rascalSettings(configOf(file), { ...base, ...needs });
    } catch (error) {
      const { code, message, hint } = error as MqError;
      return [code, message, hint];
    }
  };
  assert.equal(missing({ publications: ['job'] }), [
    'USAGE',
    'rascal.json has no publication "job" (did you mean "jobs"?)',
    'it defines jobs',
  ]);
  assert.equal(missing({ subscriptions: ['jobs'] }), ['USAGE', 'rascal.json has no subscription "jobs"', undefined]);
});

test.run();
