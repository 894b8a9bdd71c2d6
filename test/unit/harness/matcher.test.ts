import { Buffer } from 'node:buffer';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Matcher, matches, seen } from '../../../src/harness/matcher.ts';
import type { ReceivedMessage } from '../../../src/harness/target.ts';

function message(text: string, more: Partial<ReceivedMessage> = {}): ReceivedMessage {
  return {
    body: Buffer.from(text),
    text,
    json: () => JSON.parse(text) as unknown,
    fields: { exchange: 'e', routingKey: 'a.b', redelivered: false, queue: 'q' },
    properties: { priority: 3 },
    headers: { try: 1, inner: { deep: true, other: 1 } },
    ...more,
  };
}

const matcher = suite('a matcher');
const order = message('{"id":7,"lines":[{"sum":12,"tax":1}]}');

for (const [named, wanted, isMatch] of [
  ['nothing takes any message', undefined, true],
  ['a string is the whole body', '{"id":7,"lines":[{"sum":12,"tax":1}]}', true],
  ['a string is not some of it', '{"id":7', false],
  ['a RegExp is some of it', /"id":7/, true],
  ['a function decides', ({ fields }: ReceivedMessage) => fields.routingKey === 'a.b', true],
  ['a function that gives nothing says no', () => undefined, false],
  ['an object is part of the JSON', { id: 7 }, true],
  ['a list is as long as wanted, and each of it part', { lines: [{ sum: 12 }] }, true],
  ['a list that is longer is not', { lines: [] }, false],
  ['another value is not', { id: 8 }, false],
  ['a name that is not there is not', { di: 7 }, false],
  ['names of parts look at the parts', { headers: { inner: { deep: true } }, properties: { priority: 3 } }, true],
  ['a part that differs is not', { headers: { try: 2 } }, false],
  ['the body as an object is the JSON', { body: { id: 7 } }, true],
  ['the body as a RegExp is the text', { body: /^\{/ }, true],
  ['the fields are a part', { fields: { routingKey: /^a\./ } }, true],
] as const satisfies readonly (readonly [string, Matcher | undefined, boolean])[]) {
  matcher(named, () => assert.is(matches(order, wanted), isMatch));
}

matcher('an object is no part of a body that is no JSON', () => assert.is(matches(message('text'), { id: 7 }), false));

matcher('what is shown of a message is what was asked of it', () => {
  assert.equal(seen(order, { id: 8 }), { id: 7 });
  assert.equal(seen(order, { headers: { try: 2 } }), { headers: { try: 1 } });
  assert.equal(seen(order, { body: /x/ }), { body: order.text });
  assert.is(seen(order, 'x'), order.text);
});

matcher.run();
