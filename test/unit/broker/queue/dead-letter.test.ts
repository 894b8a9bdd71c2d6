// Tests dead letters: the headers that describe the deaths of a message, and the detection of cycles.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Arguments } from '../../../../src/broker/codec/arguments.ts';
import type { FieldValue } from '../../../../src/broker/codec/table.ts';
import { deadMessage, isCycle } from '../../../../src/broker/queue/dead-letter.ts';
import type { Message } from '../../../../src/broker/queue/message.ts';
import { queueSettings } from '../../../../src/broker/queue/settings.ts';
import type { DeathReason } from '../../../../src/broker/store/contract.ts';
import { message, type Sample } from '../queue-place.ts';

function deadLetterOf(
  dying: Message,
  { queue = 'q', reason = 'rejected', key }: { queue?: string; reason?: DeathReason; key?: string } = {},
): Message {
  const values: Record<string, FieldValue> = { 'x-dead-letter-exchange': 'dlx' };
  if (key !== undefined) values['x-dead-letter-routing-key'] = key;
  const settings = queueSettings(Arguments.of(values), `queue '${queue}'`);
  return deadMessage(dying, { queue: { name: queue, settings }, reason, now: 5000 });
}

test('a dead letter goes to the dead letter exchange with its own routing keys', () => {
  const letter = deadLetterOf(message({ body: 'm', moreKeys: ['cc', 'bcc'] }));
  assert.equal([letter.exchange, letter.routingKey, letter.moreKeys], ['dlx', 'q', ['cc', 'bcc']]);
  assert.is(letter.body().toString(), 'm');
});

test('the dead letter routing key replaces all routing keys', () => {
  const letter = deadLetterOf(message({ body: 'm', moreKeys: ['cc'] }), { key: 'dead' });
  assert.equal([letter.routingKey, letter.moreKeys], ['dead', undefined]);
});

test('a dead letter does not expire, and keeps the original expiration', () => {
  const letter = deadLetterOf(message({ body: 'm', expirationMs: 50, properties: { expiration: '50' } }), {
    reason: 'expired',
  });
  assert.equal([letter.expirationMs, letter.properties().expiration], [undefined, undefined]);
  assert.is(letter.deaths?.[0]?.originalExpiration, '50');
});

test('a second death changes x-last-death headers, not x-first-death ones', () => {
  const letter = deadLetterOf(deadLetterOf(message('m')), { queue: 'other', reason: 'maxlen' });
  const headers = letter.properties().headers ?? {};
  assert.equal(
    Object.entries(headers).filter(([name]) => name !== 'x-death'),
    [
      ['x-first-death-exchange', ''],
      ['x-first-death-queue', 'q'],
      ['x-first-death-reason', 'rejected'],
      ['x-last-death-exchange', 'dlx'],
      ['x-last-death-queue', 'other'],
      ['x-last-death-reason', 'maxlen'],
    ],
  );
});

test('a repeated death increments its count and moves to the front', () => {
  const letter = deadLetterOf(deadLetterOf(deadLetterOf(message('m')), { queue: 'other' }));
  assert.equal(
    letter.deaths?.map(({ queue, reason, count, time }) => [queue, reason, count, time]),
    [
      ['q', 'rejected', 2, 5000],
      ['other', 'rejected', 1, 5000],
    ],
  );
});

test('an x-death header of a client is replaced', () => {
  const letter = deadLetterOf(message({ body: 'm', properties: { headers: { 'x-death': 'mine' } } }));
  assert.is(letter.deaths?.length, 1);
  assert.ok(Array.isArray(letter.properties().headers?.['x-death']));
});

const cycles: readonly (readonly [deaths: readonly (readonly [string, DeathReason])[], isCycle: boolean])[] = [
  [[], false],
  [[['other', 'expired']], false],
  [[['q', 'expired']], true],
  [[['q', 'rejected']], false],
  [
    [
      ['q', 'expired'],
      ['other', 'maxlen'],
    ],
    true,
  ],
  [
    [
      ['q', 'expired'],
      ['other', 'rejected'],
    ],
    false,
  ],
  [
    [
      ['other', 'rejected'],
      ['q', 'expired'],
    ],
    true,
  ],
];

for (const [deaths, expected] of cycles) {
  const route = deaths.map((death) => death.join(' ')).join(', then ') || 'no death';
  test(`${route}: ${expected ? 'a cycle' : 'no cycle'} in queue q`, () => {
    const sample: Sample = { body: 'm' };
    const letter = deaths.reduce((dying, [queue, reason]) => deadLetterOf(dying, { queue, reason }), message(sample));
    assert.is(isCycle(letter, 'q'), expected);
  });
}

test.run();
