// The text of mq dlq edit contains the headers and the body of a dead letter, and reading it returns the same values.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { documentOf, editedLetterOf } from '../../../../src/roles/dead-letters/edit-document.ts';
import { taggedFields } from '../../../../src/session/tagged-json.ts';
import type { RawMessage } from '../../../../src/session/wire.ts';

function raw(content: Buffer, headers: Record<string, unknown> = {}): RawMessage {
  const fields = { exchange: '', routingKey: 'q.dead', redelivered: false, deliveryTag: 1, consumerTag: 'c' };
  return { content, fields, properties: { messageId: 'm', headers } };
}

const headers = {
  tenant: 'acme',
  size: 7,
  big: 9_007_199_254_740_993n,
  bytes: Buffer.from([1, 0xff]),
  when: { '!': 'timestamp', value: 1_700_000_000 },
  list: [1, 'two', { three: true }],
};

test('shows the headers without those of dead-lettering, and the body', () => {
  const letter = raw(Buffer.from('{"a":1}'), { tenant: 'acme', 'x-mq-queue': 'task', 'x-death': [{ queue: 'task' }] });
  assert.is(
    documentOf(letter, "the queue 'task'").toString(),
    `# The headers (JSON) and the body of a dead letter. When you save and quit, mq sends it
# to the queue 'task', and removes it here. Without a change, nothing happens.
{
  "tenant": "acme"
}
--- body ---
{"a":1}
`,
  );
});

for (const [what, body] of [
  ['text', Buffer.from('one\ntwo')],
  ['text with a newline at the end', Buffer.from('one\r\n')],
  ['no bytes', Buffer.alloc(0)],
  ['a separator in the text', Buffer.from('--- body ---\n--- body in base64 ---\n')],
  ['bytes that are not UTF-8', Buffer.from([0xff, 0xfe, 10, 13])],
  ['bytes with NUL', Buffer.from('a\0b')],
  ['many bytes', Buffer.alloc(1_000, 0xfa)],
] as const)
  test(`returns a body of ${what} and its headers unchanged`, () => {
    const edited = editedLetterOf(documentOf(raw(body, headers), 'a queue\nand more'));
    assert.equal(edited.body, body);
    assert.equal(taggedFields(edited.headers), taggedFields(headers));
  });

test('accepts a text without headers or without a newline at the end', () => {
  assert.equal(editedLetterOf(Buffer.from('--- body ---\nnew')), { headers: {}, body: Buffer.from('new') });
  assert.equal(editedLetterOf(Buffer.from('# help\r\n{}\r\n--- body ---\r\nnew\n')).body, Buffer.from('new'));
});

for (const [what, text, problem] of [
  ['no separator', '{}\nbody', /'--- body ---' is missing/],
  ['headers that are not JSON', '{"a":}\n--- body ---\n', /the headers are not valid/],
  ['headers that are a list', '[1]\n--- body ---\n', /not a JSON object/],
  ['an unknown type', '{"a":{"!":"colour","value":1}}\n--- body ---\n', /the headers are not valid: "!" is not a type/],
  ['a body that is not base64', '{}\n--- body in base64 ---\na*b\n', /not valid base64/],
] as const)
  test(`refuses ${what}`, () => assert.throws(() => editedLetterOf(Buffer.from(text)), problem));

test.run();
