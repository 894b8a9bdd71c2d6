// Tests how a dead letter is described, even with forged headers, and which ones are selected.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { deadLetterOf, withoutDeadLetterHeaders } from '../../../../src/roles/dead-letters/dead-letter.ts';
import { isSelected, Prefixes } from '../../../../src/roles/selection.ts';
import type { RawMessage } from '../../../../src/session/wire.ts';

function raw(headers: Record<string, unknown>, body = 'body'): RawMessage {
  const fields = { exchange: '', routingKey: 'q.dead', redelivered: false, deliveryTag: 1, consumerTag: 'c' };
  return { content: Buffer.from(body), fields, properties: { messageId: 'm', headers } };
}

const nothing = {
  id: 'm',
  reason: undefined,
  attempts: undefined,
  first: undefined,
  last: undefined,
  size: 4,
  exchange: undefined,
  routingKey: undefined,
  queue: undefined,
};
const time = (seconds: number) => ({ '!': 'timestamp', value: seconds });
const death = { queue: 'q', reason: 'rejected', count: 2, exchange: 'e', 'routing-keys': ['k', 'cc'], time: time(60) };
const own = {
  'x-mq-attempt': 3,
  'x-mq-exchange': 'colours',
  'x-mq-routing-key': 'red',
  'x-mq-queue': 'work',
  'x-mq-reason': 'exit status 9',
  'x-mq-first-failed': '2026-11-25T00:00:00.000Z',
  'x-mq-last-failed': '2026-11-25T00:00:01.000Z',
};

test("mq's own headers have precedence over the broker's", () => {
  assert.equal(deadLetterOf(raw({ ...own, 'x-death': [death] })), {
    ...nothing,
    reason: 'exit status 9',
    attempts: 3,
    first: '2026-11-25T00:00:00.000Z',
    last: '2026-11-25T00:00:01.000Z',
    exchange: 'colours',
    routingKey: 'red',
    queue: 'work',
  });
});

test('reads the origin from the oldest death, and the reason from a failure', () => {
  const rejected = { ...death, queue: 'r', count: 1, exchange: 'f', time: time(120) };
  const expired = { ...rejected, queue: 'waiting', reason: 'expired', count: 9, time: time(180) };
  const found = {
    ...nothing,
    reason: 'rejected',
    attempts: 1,
    first: '1970-01-01T00:01:00.000Z',
    last: '1970-01-01T00:03:00.000Z',
    exchange: 'e',
    routingKey: 'k',
    queue: 'r',
  };
  assert.equal(deadLetterOf(raw({ 'x-death': [expired, rejected, death] })), found);
  const { queue, reason, attempts } = deadLetterOf(raw({ 'x-death': [expired, { ...expired, queue: 'first' }] }));
  assert.equal([queue, reason, attempts], ['first', 'expired', 9]);
});

test('reads the first death without x-death', () => {
  const { queue, reason } = deadLetterOf(raw({ 'x-first-death-queue': 'q', 'x-first-death-reason': 'maxlen' }));
  assert.equal([queue, reason], ['q', 'maxlen']);
});
test('ignores headers with the wrong shape', () => {
  const hostile = [
    1,
    'x',
    null,
    [],
    [null, 1],
    [[]],
    { length: 1 },
    [{ 'routing-keys': 'k', time: 1e300, count: '2' }],
  ];
  for (const one of hostile) assert.equal(deadLetterOf(raw({ 'x-death': one })), nothing, JSON.stringify(one));
  const far = {
    'x-death': [{ time: time(1e300) }],
    'x-mq-attempt': 1.5,
    'x-mq-reason': {},
    'x-mq-first-failed': 'now',
  };
  assert.equal(deadLetterOf(raw(far)), nothing);
  assert.equal(
    deadLetterOf(raw({ 'x-mq-exchange': 'e' })),
    nothing,
    'an exchange without a routing key is not an origin',
  );
});

test('replay removes all headers of dead-lettering, move keeps the origin', () => {
  const headers = {
    ...own,
    'x-death': [death],
    'x-first-death-queue': 'q',
    'x-last-death-reason': 'rejected',
    'x-delivery-count': 3,
    'x-acquired-count': 3,
    'x-mq-unfinished': true,
    CC: ['other'],
    mine: 1,
    'x-mine': 2,
  };
  assert.equal(withoutDeadLetterHeaders(headers, false), { mine: 1, 'x-mine': 2 });
  const { 'x-mq-attempt': _, ...origin } = own;
  assert.equal(withoutDeadLetterHeaders(headers, true), { ...origin, mine: 1, 'x-mine': 2 });
});

test('selects by id, text of body or reason, and header, combined', () => {
  const message = raw({ ...own, team: 'red', size: 7 }, 'a=b and c');
  const is = (filters: string[], ids: string[] = []) => isSelected(message, { ids, filters, count: undefined });
  const right = [
    [],
    ['and'],
    ['status 9'],
    ['team=red'],
    ['size=7'],
    ['key=red', 'exchange=colours'],
    ['reason=status'],
  ];
  const wrong = [
    ['nor'],
    ['team=blue'],
    ['team=re'],
    ['nothing=x'],
    ['key=red', 'exchange=x'],
    ['constructor=x'],
    ['a=b'],
  ];
  for (const filters of right) assert.ok(is(filters), String(filters));
  for (const filters of wrong) assert.not(is(filters), String(filters));
  assert.ok(is([], ['x', 'm']));
  assert.not(is([], ['x']));
  assert.not(is(['nor'], ['m']));
});

test('selects by the unique beginning of an id', () => {
  const all = ['ab-1', 'ab-10', 'cd-1', undefined];
  const resolved = (...given: string[]) => {
    const prefixes = new Prefixes(given);
    for (const id of all) prefixes.add(id);
    return prefixes.ids();
  };
  assert.equal(resolved('c', 'ab-1', 'ab-10', 'x'), ['cd-1', 'ab-1', 'ab-10', 'x']);
  assert.throws(() => resolved('ab'), /begin with 'ab': ab-1, ab-10/);
});

test.run();
