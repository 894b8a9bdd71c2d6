import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withBuiltinOf as configOf } from '../fixture.ts';

const inVhost = (vhost: object) => configOf({ vhosts: { '/': vhost } }).vhosts['/'];

test("replaces a built-in item with the user's item", () => {
  const config = configOf({
    vhosts: { '/': { queues: { task_queue: { options: { maxLength: 1 } } } } },
    subscriptions: { task: { queue: 'task_queue', prefetch: 9 } },
    publications: { task: { queue: 'hello' } },
    mq: { roles: { worker: { consume: 'task' } } },
  });
  assert.equal(config.vhosts['/']?.queues['task_queue'], { options: { maxLength: 1 } });
  assert.equal(config.subscriptions['task'], { vhost: '/', queue: 'task_queue', prefetch: 9, rest: {} });
  assert.equal(config.publications['task'], { vhost: '/', queue: 'hello' });
  assert.equal(config.roles['worker'], { behaviour: 'consume', subscriptions: ['task'] });
  assert.ok(config.roles['producer']);
  assert.ok(config.vhosts['/']?.queues['hello']);
});

test('adds bindings and removes duplicates', () => {
  const builtin = inVhost({})?.bindings ?? [];
  assert.is(builtin.length, 3);
  const queues = { logs: {} };
  assert.equal(inVhost({ queues })?.bindings, builtin);
  assert.equal(inVhost({ bindings: ['logs[#] -> logs'] })?.bindings, builtin);
  assert.is(inVhost({ bindings: ['logs[a] -> logs'] })?.bindings.length, 4);
  const byHeader = (options: object) => ({ source: 'logs', destination: 'logs', options });
  const headers = [byHeader({ a: 1, b: 2 }), byHeader({ b: 2, a: 1 }), byHeader({ a: 1 })];
  assert.is(inVhost({ bindings: headers })?.bindings.length, 5);
});

test('merges retry settings field by field', () => {
  assert.equal(configOf({ mq: { retry: { attempts: 2 } } }).retry, {
    attempts: 2,
    delays: [1000, 5000, 30000, 120000],
  });
  assert.equal(configOf({ mq: { retry: { delays: [7] } } }).retry, { attempts: 5, delays: [7] });
});

test('normalises lists, shorthands and URLs', () => {
  const vhost = inVhost({
    connection: { url: 'amqp://u:p@h/v', port: '1', user: 'not this', socketOptions: { timeout: 1 } },
    connections: ['amqp://first', ''],
    exchanges: ['', 'e', { name: 'f', type: 'fanout' }],
    queues: ['q'],
    bindings: ['e[a,b c] -> q', { source: 'f', destination: 'e', destinationType: 'exchange', bindingKeys: 'k' }],
  });
  assert.equal(vhost?.connections, [
    { protocol: 'amqp', hostname: 'first' },
    { protocol: 'amqp', hostname: 'h', port: 1, user: 'u', password: 'p', vhost: 'v', socketOptions: { timeout: 1 } },
  ]);
  assert.equal(Object.keys(vhost?.exchanges ?? {}).slice(-2), ['e', 'f']);
  assert.equal(vhost?.exchanges['e'], { type: 'topic' });
  assert.equal(
    vhost?.bindings.slice(3).map((one) => [one.source, one.bindingKey, one.destinationType, one.destination]),
    [
      ['e', 'a', 'queue', 'q'],
      ['e', 'b', 'queue', 'q'],
      ['e', 'c', 'queue', 'q'],
      ['f', 'k', 'exchange', 'e'],
    ],
  );
});

test('moves publications and subscriptions of a vhost to the file', () => {
  const config = configOf({
    vhosts: { v: { queues: ['q'], publications: { p: { queue: 'q' } }, subscriptions: { s: { queue: 'q' } } } },
  });
  assert.equal(config.publications['p'], { vhost: 'v', queue: 'q' });
  assert.equal(config.subscriptions['s'], { vhost: 'v', queue: 'q', rest: {} });
});

test('does not find names such as constructor', () => {
  const config = configOf({});
  for (const items of [config.vhosts, config.roles, config.publications, config.subscriptions]) {
    assert.is(items['constructor'], undefined);
  }
});

test.run();
