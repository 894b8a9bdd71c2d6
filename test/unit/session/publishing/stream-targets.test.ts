import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkConfigText } from '../../../../src/config/check.ts';
import { streamOf } from '../../../../src/session/publishing/stream-targets.ts';
import { builtin } from '../../config/fixture.ts';

const stream = { options: { durable: true, arguments: { 'x-queue-type': 'stream' } } };

function streamIn(vhost: object) {
  const text = JSON.stringify({ vhosts: { '/': vhost } });
  const { checked, problems } = checkConfigText(text, { file: 'f', folder: '/', env: {}, builtin });
  assert.equal(problems, []);
  assert.ok(checked);
  return streamOf(checked.config, '/');
}

test('finds the stream behind each type of exchange', () => {
  const find = streamIn({
    queues: { events: stream, tasks: {} },
    exchanges: {
      all: { type: 'fanout' },
      one: { type: 'direct' },
      some: { type: 'topic' },
      h: { type: 'headers' },
      up: {},
    },
    bindings: [
      'all -> events',
      'one[a] -> events',
      'some[a.*.#] -> events',
      'h -> events',
      { source: 'up', destination: 'one', destinationType: 'exchange', bindingKey: '#' },
    ],
  });
  const found = (exchange: string, key: string) => find?.(exchange, key);
  for (const [exchange, key] of [
    ['', 'events'],
    ['all', 'x'],
    ['one', 'a'],
    ['some', 'a.b'],
    ['some', 'a.b.c'],
    ['up', 'a'],
  ] as const)
    assert.is(found(exchange, key), 'events', `${exchange}[${key}]`);
  for (const [exchange, key] of [
    ['', 'tasks'],
    ['one', 'b'],
    ['some', 'a'],
    ['some', 'b.b'],
    ['up', 'b'],
    ['h', ''],
    ['unknown', 'a'],
  ] as const)
    assert.is(found(exchange, key), undefined, `${exchange}[${key}]`);
});

test('uses the names of the broker in a vhost with a namespace', () => {
  const find = streamIn({
    namespace: 'n',
    queues: { events: stream },
    exchanges: { e: {} },
    bindings: ['e[#] -> events'],
  });
  assert.is(find?.('', 'n:events'), 'n:events');
  assert.is(find?.('n:e', 'x'), 'n:events');
});

test('needs no search in a vhost without a stream', () => {
  assert.is(streamIn({ queues: { tasks: {} } }), undefined);
});

test.run();
