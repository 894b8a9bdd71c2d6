// Tests the messages that mq does not delay.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DelayedMessages } from '../../../src/roles/delay.ts';

const parts = { routingKey: undefined, persistent: undefined, mandatory: false };
const needed = (options: object, properties: object) =>
  new DelayedMessages({ type: 'after', ms: 1000 }, { ...parts, properties }).needed(
    { vhost: '/', exchange: '', routingKey: 'q', options: { ...options } },
    'mq.delay',
  );

test('a message with a property or header that the delay loses is refused', () => {
  for (const option of [
    { expiration: 1000 },
    { priority: 3 },
    { headers: { CC: ['a'] } },
    { headers: { BCC: ['a'] } },
  ]) {
    assert.throws(() => needed(option, {}), /cannot have the option/, JSON.stringify(option));
    assert.throws(() => needed({}, option), /cannot have the option/, JSON.stringify(option));
    assert.throws(() => needed(option, { headers: { other: 1 } }), /cannot have the option/, JSON.stringify(option));
  }
  assert.throws(() => needed({ CC: 'a' }, {}), /the option CC/);
});

test('a decimal is refused at any depth', () => {
  const decimal = { '!': 'decimal', value: { digits: 5, places: 1 } };
  for (const value of [decimal, [decimal], { a: [{ b: decimal }] }]) {
    assert.throws(() => needed({ headers: { 'x-a': value } }, {}), /cannot have a decimal, as in the header 'x-a'/);
    assert.throws(() => needed({ headers: { b: 1 } }, { headers: { 'x-a': value } }), /cannot have a decimal/);
  }
});

test('a header is not a property of the same name', () => {
  needed({ headers: { expiration: 'soon' }, priority: 0 }, { headers: { priority: 'high' } });
});

test('a delay is rounded up to whole seconds, and its message is mandatory', () => {
  const delayed = new DelayedMessages({ type: 'after', ms: 1500 }, { ...parts, properties: {} });
  const destination = { vhost: '/', exchange: '', routingKey: 'q', options: {} };
  delayed.needed(destination, 'mq.delay');
  const { exchange, mandatory } = delayed.series(destination)(Buffer.from('x'));
  assert.equal([exchange, mandatory], ['mq.delay.level.01', true]);
});

test.run();
