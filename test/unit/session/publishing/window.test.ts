// A returned message is identified by exchange, routing key and message-id, so two messages with the same values are
// never in flight together.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Window } from '../../../../src/session/publishing/window.ts';
import type { RawMessage } from '../../../../src/session/wire.ts';

function message(exchange: string, routingKey = 'k', messageId = 'x') {
  return { exchange, routingKey, properties: { messageId }, body: Buffer.from('four'), mandatory: true };
}

function sendAll(window: Window): string[] {
  const sent: string[] = [];
  for (let entry = window.next(); entry; entry = window.next()) {
    window.markSent(entry);
    sent.push(entry.message.exchange);
  }
  return sent;
}

function returned(window: Window, exchange: string) {
  return window.returned({ fields: { exchange, routingKey: 'k' }, properties: { messageId: 'x' } } as RawMessage);
}

test('finds a returned message by exchange, routing key and message-id', () => {
  const window = new Window();
  for (const exchange of ['a', 'b']) window.add(message(exchange), () => undefined);
  assert.equal(sendAll(window), ['a', 'b']);
  assert.is(returned(window, 'b')?.message.exchange, 'b');
  assert.is(returned(window, 'c'), undefined);
});

test('finds a returned message without a message-id by its body', () => {
  const window = new Window();
  const bodies = ['one', 'two', 'one'].map((text) => Buffer.from(text));
  for (const body of bodies) {
    window.add({ exchange: 'a', routingKey: 'k', properties: {}, body, mandatory: true }, () => undefined);
  }
  assert.is(sendAll(window).length, 2);
  const [, second] = window;
  const fields = { exchange: 'a', routingKey: 'k' };
  assert.is(window.returned({ fields, properties: {}, content: Buffer.from('two') } as RawMessage), second);
});

test('holds back an equal message and later ones until the first is settled', () => {
  const window = new Window();
  for (const exchange of ['a', 'b', 'a', 'c']) window.add(message(exchange), () => undefined);
  assert.equal(sendAll(window), ['a', 'b']);
  const [first, second] = window;
  window.remove(second!);
  assert.equal(sendAll(window), []);
  window.remove(first!);
  assert.equal(sendAll(window), ['a', 'c']);
  assert.equal([window.size, window.bytes], [2, 8]);
});

test('sends everything again in order after a lost channel', () => {
  const window = new Window();
  for (const exchange of ['a', 'b', 'a']) window.add(message(exchange), () => undefined);
  sendAll(window);
  window.rewind();
  assert.equal(sendAll(window), ['a', 'b']);
});

test('keeps the order over many messages if the list never becomes empty', () => {
  const window = new Window();
  const sent: string[] = [];
  for (let number = 0; number < 10_000; number += 1) {
    window.add(message('a', 'k', String(number)), () => undefined);
    if (number === 0) continue;
    const entry = window.next()!;
    window.markSent(entry);
    sent.push(entry.message.properties.messageId ?? '');
    window.remove(entry);
  }
  assert.equal(
    sent,
    Array.from({ length: 9999 }, (_, number) => String(number)),
  );
  assert.is(window.size, 1);
});

test('compares exchange and routing key separately', () => {
  const window = new Window();
  window.add(message('a', 'bc'), () => undefined);
  window.add(message('ab', 'c'), () => undefined);
  window.add(message('ab', 'c', 'y'), () => undefined);
  assert.equal(sendAll(window), ['a', 'ab', 'ab']);
});

test.run();
