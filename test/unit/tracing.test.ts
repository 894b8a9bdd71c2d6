// Tests W3C Trace Context: a valid trace is passed on, an invalid one is ignored.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { messageVariables } from '../../src/handlers/exec-message.ts';
import type { Message } from '../../src/handlers/handler.ts';
import { traceOf, traceOfEnvironment } from '../../src/tracing.ts';

const trace = '0af7651916cd43dd8448eb211c80319c';
const parent = 'b7ad6b7169203331';
const valid = `00-${trace}-${parent}-01`;

test('3.2.2: accepts a valid traceparent, also of a later version', () => {
  for (const traceparent of [valid, `00-${trace}-${parent}-00`, `cc-${trace}-${parent}-01-what-the-future-holds`]) {
    assert.equal(traceOf({ traceparent }), { traceparent });
  }
});

test('3.2.2: ignores an invalid traceparent and its tracestate', () => {
  const invalid = [
    undefined,
    7,
    '',
    `ff-${trace}-${parent}-01`,
    `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`,
    valid.toUpperCase(),
    `${valid}-more`,
    `${valid}\n`,
    `${valid}\0`,
    ` ${valid}`,
    `00-${trace}-${parent}`,
    `cc-${trace}-${parent}-01.x`,
  ];
  for (const traceparent of invalid)
    assert.is(traceOf({ traceparent, tracestate: 'a=1' }), undefined, String(traceparent));
});

test('3.3.1: passes tracestate on if it has at most 512 ASCII characters', () => {
  assert.equal(traceOf({ traceparent: valid, tracestate: 'a=1,b=2' }), { traceparent: valid, tracestate: 'a=1,b=2' });
  for (const tracestate of ['', 'a=\0', 'a=\n', 'a=é', 'x'.repeat(513), 7])
    assert.equal(traceOf({ traceparent: valid, tracestate }), { traceparent: valid });
});

test('reads only upper-case names from the environment', () => {
  assert.equal(traceOfEnvironment({ TRACEPARENT: valid, TRACESTATE: 'a=1' }), {
    traceparent: valid,
    tracestate: 'a=1',
  });
  assert.is(traceOfEnvironment({ traceparent: valid }), undefined);
});

test('the child of --exec has the trace of its message', () => {
  const fields = { exchange: '', routingKey: 'q', redelivered: false, queue: 'q' };
  const message = (headers: object) =>
    ({ body: Buffer.alloc(0), fields, properties: {}, headers, attempt: 1 }) as unknown as Message;
  const { TRACEPARENT, TRACESTATE } = messageVariables(message({ traceparent: valid, tracestate: 'a=1' }));
  assert.equal([TRACEPARENT, TRACESTATE], [valid, 'a=1']);
  assert.not('TRACEPARENT' in messageVariables(message({ traceparent: '$(reboot)' })));
});

test.run();
