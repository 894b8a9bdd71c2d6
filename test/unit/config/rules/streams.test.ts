import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkConfigText } from '../../../../src/config/check.ts';
import { builtin, problemsOf } from '../fixture.ts';

const stream = { options: { durable: true, arguments: { 'x-queue-type': 'stream' } } };
const classic = { options: { arguments: { 'x-queue-type': 'classic' } } };
const problems = (subscription: object, role: object = {}) =>
  problemsOf(
    JSON.stringify({
      vhosts: { '/': { queues: { events: stream, tasks: {}, old: classic } } },
      subscriptions: { read: { queue: 'events', ...subscription } },
      mq: { roles: { reader: { consume: 'read', ...role } } },
    }),
  ).map(({ path, message }) => `${path}: ${message}`);

test('requires a prefetch and acknowledgements for a stream', () => {
  assert.equal(problems({ prefetch: 1 }, { prefetch: 1 }), []);
  assert.equal(problems({ queue: 'tasks', prefetch: 0, options: { noAck: true } }, { prefetch: 0 }), []);
  assert.equal(problems({ prefetch: 0, options: { noAck: true } }), [
    'subscriptions.read.prefetch: a stream requires a prefetch of at least 1',
    'subscriptions.read.options.noAck: a stream requires acknowledgements; remove noAck',
  ]);
  assert.equal(problems({}, { prefetch: 0 }), ['mq.roles.reader.prefetch: a stream requires a prefetch of at least 1']);
});

test('checks x-stream-offset of every subscription', () => {
  const at = (offset: unknown) => problems({ options: { arguments: { 'x-stream-offset': offset } } });
  for (const good of ['first', 'next', 0, '10m', '7D', { '!': 'timestamp', value: 1 }]) assert.equal(at(good), []);
  for (const bad of [-1, 'soon', '10M', 2 ** 60, null, {}]) {
    const found = at(bad);
    assert.is(found.length, 1, JSON.stringify(bad));
    assert.match(found[0] ?? '', 'x-stream-offset: ');
  }
  const other = (queue: string) => problems({ queue, options: { arguments: { 'x-stream-offset': 'first' } } });
  assert.equal(other('tasks'), [], 'the default type of the vhost may be stream');
  assert.equal(other('old'), [
    'subscriptions.read.options.arguments.x-stream-offset: requires a stream, but the queue is a classic queue',
  ]);
});

test('warns of dead letters in a stream', () => {
  const retry = (queue: string) => ({ deadLetter: { queue } });
  const { warnings } = checkConfigText(
    JSON.stringify({
      vhosts: { '/': { queues: { events: stream, morgue: {} } } },
      subscriptions: { read: { queue: 'morgue' } },
      mq: { retry: retry('morgue'), roles: { reader: { consume: 'read', retry: retry('events') } } },
    }),
    { file: 'f', folder: '/', env: {}, builtin },
  );
  assert.equal(
    warnings?.map(({ path }) => path),
    ['mq.roles.reader.retry.deadLetter.queue'],
  );
});

test.run();
