import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Holdings } from '../../../src/harness/target.ts';
import { wayOf } from '../../../src/harness/way.ts';

const bind = (source: string, destination: string, key = '', more: Partial<Holdings['bindings'][number]> = {}) => ({
  source,
  destination,
  destinationType: 'queue' as const,
  key,
  arguments: {},
  ...more,
});
const holdings: Holdings = {
  connections: [],
  queues: ['one', 'two', 'three'].map((name) => ({ name, ready: name === 'one' ? 2 : 0, unacked: 0 })),
  exchanges: [
    { name: 'topic', type: 'topic' },
    { name: 'fanout', type: 'fanout' },
    { name: 'headers', type: 'headers' },
    { name: 'direct', type: 'direct', alternate: 'fanout' },
  ],
  bindings: [
    bind('topic', 'one', 'a.*.c'),
    bind('topic', 'two', 'a.#'),
    bind('topic', 'fanout', '#.end', { destinationType: 'exchange' }),
    bind('fanout', 'three'),
    bind('direct', 'one', 'key'),
    bind('headers', 'one', '', { arguments: { 'x-match': 'all', a: 1, b: 2 } }),
    bind('headers', 'two', '', { arguments: { 'x-match': 'any', a: 1, b: 2 } }),
  ],
};

function landed(exchange: string, routingKey: string, headers: Record<string, unknown> = {}): string[] {
  const lines = wayOf({ outcome: 'confirmed', messageId: 'm', exchange, routingKey, headers }, holdings);
  return lines.flatMap((line) => /landed in the queue "(\w+)"/.exec(line)?.[1] ?? []);
}

const way = suite('the way of a message');

for (const [exchange, key, queues] of [
  ['topic', 'a.b.c', ['one', 'two']],
  ['topic', 'a', ['two']],
  ['topic', 'a.b.c.d', ['two']],
  ['topic', 'b', []],
  ['topic', 'b.end', ['three']],
  ['topic', 'end', ['three']],
  ['fanout', 'any', ['three']],
  ['direct', 'key', ['one']],
  ['direct', 'other', ['three']],
  ['', 'one', ['one']],
  ['', 'nobody', []],
] as const) {
  way(`"${exchange}" with the key "${key}" leads to ${queues.join(', ') || 'no queue'}`, () => {
    assert.equal(landed(exchange, key), queues);
  });
}

way('headers are compared all, or any', () => {
  assert.equal(landed('headers', '', { a: 1, b: 2 }), ['one', 'two']);
  assert.equal(landed('headers', '', { b: 2 }), ['two']);
  assert.equal(landed('headers', '', { b: 3 }), []);
});

way('is told line by line', () => {
  assert.equal(
    wayOf({ outcome: 'confirmed', messageId: 'm', exchange: 'topic', routingKey: 'a.b.c', headers: {} }, holdings),
    [
      'published to the exchange "topic" with the key "a.b.c"',
      '  matched "a.*.c": topic → queue one',
      '  matched "a.#": topic → queue two',
      '  landed in the queue "one" (now 2 ready, 0 unacknowledged)',
      '  landed in the queue "two"',
    ],
  );
});

way('is not known where nothing tells', () => {
  const [line, ...more] = wayOf(
    { outcome: 'confirmed', messageId: 'm', exchange: '', routingKey: 'q', headers: {} },
    undefined,
  );
  assert.match(line ?? '', /nothing tells where it went/);
  assert.equal(more, []);
});

way.run();
