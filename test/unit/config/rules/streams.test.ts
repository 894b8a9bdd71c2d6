import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkConfigText } from '../../../../src/config/check.ts';
import { builtin, problemsOf } from '../fixture.ts';

const stream = { options: { durable: true, arguments: { 'x-queue-type': 'stream' } } };
const problems = (subscription: object, role: object = {}) =>
  problemsOf(
    JSON.stringify({
      vhosts: { '/': { queues: { events: stream, tasks: {} } } },
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
