// Tests how mq tap --match-replies pairs requests with replies.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Replies } from '../../../../src/cli/messages/tap/replies.ts';
import type { SeenMessage } from '../../../../src/cli/messages/tap/watch.ts';

interface Sent {
  readonly key?: string;
  readonly exchange?: string;
  readonly id?: string;
  readonly replyTo?: string;
  readonly at?: number;
  readonly isNamed?: boolean;
  readonly isFiltered?: boolean;
}

function message(body: string, sent: Sent = {}): SeenMessage {
  const { key = '', exchange = '', id, replyTo, at = 0, isNamed = true, isFiltered = true } = sent;
  return {
    raw: {
      content: Buffer.from(body),
      fields: { exchange, routingKey: key, redelivered: false, deliveryTag: 1, consumerTag: 'c' },
      properties: { ...(id !== undefined && { correlationId: id }), ...(replyTo !== undefined && { replyTo }) },
    },
    time: at,
    monotonicMs: at,
    isNamed,
    isFiltered,
  };
}

type Lines = ReturnType<Replies['add']>;
const shown = (lines: Lines) =>
  lines.map(({ message: { raw }, reply }) => [
    raw.content.toString(),
    reply === undefined ? undefined : (reply?.message.raw.content.toString() ?? null),
    reply?.elapsedMs,
  ]);

test('a reply by the default exchange needs the reply-to and the id', () => {
  const replies = new Replies();
  assert.equal(shown(replies.add(message('q', { key: 'work', id: '1', replyTo: 'mine', at: 10 }))), []);
  assert.equal(shown(replies.add(message('other', { key: 'theirs', id: '1' }))), [['other', undefined, undefined]]);
  assert.equal(shown(replies.add(message('a', { key: 'mine', id: '1', at: 14.5 }))), [['q', 'a', 4.5]]);
  assert.equal(shown(replies.rest()), []);
});

test('a reply by another exchange needs only an id that is unique', () => {
  const replies = new Replies();
  replies.add(message('q1', { id: '1', replyTo: 'a' }));
  assert.equal(shown(replies.add(message('a1', { exchange: 'e', key: 'x', id: '1' }))), [['q1', 'a1', 0]]);
  replies.add(message('q2', { id: '1', replyTo: 'a' }));
  replies.add(message('q3', { id: '1', replyTo: 'b' }));
  assert.equal(shown(replies.add(message('n', { exchange: 'e', key: 'x', id: '1' }))), [['n', undefined, undefined]]);
});

test('a reply that is a request itself waits for its own reply', () => {
  const replies = new Replies();
  replies.add(message('q', { id: '1', replyTo: 'a' }));
  assert.equal(shown(replies.add(message('a', { key: 'a', id: '1', replyTo: 'b' }))), [['q', 'a', 0]]);
  assert.equal(shown(replies.add(message('b', { key: 'b', id: '1' }))), [['a', 'b', 0]]);
});

test('a request without a reply is printed after its time, or at the end', () => {
  const replies = new Replies();
  replies.add(message('old', { id: '1', replyTo: 'a', at: 0 }));
  replies.add(message('new', { id: '2', replyTo: 'a', at: 20_000 }));
  assert.equal(shown(replies.expired(29_999)), []);
  assert.equal(shown(replies.expired(30_000)), [['old', null, undefined]]);
  assert.equal(shown(replies.rest()), [['new', null, undefined]]);
});

test('the number of waiting requests has a limit', () => {
  const replies = new Replies();
  for (let id = 0; id < 10_000; id += 1) assert.equal(replies.add(message('q', { id: `${id}`, replyTo: 'a' })), []);
  assert.equal(shown(replies.add(message('q', { id: 'more', replyTo: 'a' }))), [['q', null, undefined]]);
  assert.is(replies.rest().length, 10_000);
});

test('messages to other exchanges are only replies, and filters see both', () => {
  const replies = new Replies();
  replies.add(message('q', { id: '1', replyTo: 'a', isFiltered: false }));
  replies.add(message('q2', { id: '2', replyTo: 'a', isFiltered: false }));
  assert.equal(replies.add(message('else', { key: 'z', id: '9', replyTo: 'y', isNamed: false })), []);
  assert.equal(shown(replies.add(message('a', { key: 'a', id: '1', isNamed: false }))), [['q', 'a', 0]]);
  assert.equal(replies.add(message('a2', { key: 'a', id: '2', isFiltered: false })), []);
  assert.equal(replies.rest(), []);
});

test.run();
