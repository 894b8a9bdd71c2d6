// Tests durations with units, on their own and in rascal.json.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { durationMs, durationText } from '../../../src/config/duration.ts';
import { isReceiving } from '../../../src/config/role.ts';
import { jsonSchema } from '../../../src/config/schema.ts';
import { configOf, linesOf } from './fixture.ts';

test('parses a duration with and without a unit', () => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    [' 5s ', 5000],
    ['2', 2000],
    ['0.25', 250],
    ['0s', 0],
    ...['', 's', '-1s', '1e3', '5 s', '5sec', '1h30m', '1.5ms', '0x10', '１s'].map(
      (text) => [text, undefined] as const,
    ),
  ];
  for (const [text, milliseconds] of rows) assert.is(durationMs(text, 's'), milliseconds, text);
  assert.is(durationMs('250', 'ms'), 250);
});

test('formats a duration in the most readable unit', () => {
  const rows: readonly (readonly [number, string])[] = [
    [4.4, '4 ms'],
    [999, '999 ms'],
    [1500, '1.5 s'],
    [25_000, '25 s'],
    [600_000, '10 min'],
    [9_000_000, '2.5 h'],
  ];
  for (const [milliseconds, text] of rows) assert.is(durationText(milliseconds), text);
});

const file = {
  vhosts: {
    '/': {
      connections: [{ url: 'amqp://h', options: { heartbeat: '20s', connection_timeout: '5s' } }],
      queues: { q: { options: { arguments: { 'x-message-ttl': '1h', 'x-consumer-timeout': '45m' } } } },
    },
  },
  publications: { p: { queue: 'q', options: { expiration: '1m' } } },
  subscriptions: { s: { queue: 'q' } },
  mq: {
    retry: { delays: ['250ms', '5s', 30_000] },
    roles: { r: { consume: 's', handler: { exec: ['true'], timeout: '${LIMIT:-2m}' } } },
  },
};

test('converts durations of rascal.json to the unit of the field', () => {
  const { vhosts, publications, retry, roles } = configOf(file);
  const { connections, queues } = vhosts['/'] ?? {};
  assert.equal(connections?.[0]?.options, { heartbeat: 20, connection_timeout: 5000 });
  assert.equal(queues?.['q']?.options?.['arguments'], { 'x-message-ttl': 3_600_000, 'x-consumer-timeout': 2_700_000 });
  assert.equal(publications['p']?.options, { expiration: 60_000 });
  assert.equal(retry.delays, [250, 5000, 30_000]);
  const role = roles['r'];
  assert.is(role && isReceiving(role) ? role.handler?.timeout : undefined, 120_000);
});

test('reports an invalid duration once', () => {
  const queues = { q: { options: { arguments: { 'x-message-ttl': '5 minutes', 'x-expires': '0s' } } } };
  const ttl = 'vhosts["/"].queues.q.options.arguments';
  assert.equal(linesOf({ vhosts: { '/': { queues } } }), [
    `f:1:72: ${ttl}.x-message-ttl: must be a whole number from 0 to 4294967295 (ms), or a duration such as "30s" up to 49.7 days (not "5 minutes")`,
    `f:1:96: ${ttl}.x-expires: must be a whole number from 1 to 4294967295 (ms), or a duration such as "30s" up to 49.7 days, not "0s"`,
  ]);
});

test('accepts durations in the JSON Schema', () => {
  const { definitions } = jsonSchema() as { definitions: Record<string, { properties: Record<string, unknown> }> };
  const timeout: unknown = definitions['handler']?.properties['timeout'];
  const { type, pattern } = timeout as { type: string[]; pattern: string };
  assert.equal(type, ['integer', 'string']);
  for (const good of ['30s', '500ms', '10', '${LIMIT:-1m}']) assert.ok(new RegExp(pattern).test(good), good);
  for (const bad of ['thirty', '30 s', '']) assert.not.ok(new RegExp(pattern).test(bad), bad);
});

test.run();
