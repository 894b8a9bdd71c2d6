// The error for a message that no queue received.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { unroutable } from '../../../../src/session/publishing/unsendable.ts';
import type { RawMessage } from '../../../../src/session/raw-message.ts';

for (const [exchange, routingKey, where] of [
  ['', 'q', "no queue 'q' exists"],
  ['logs', '', "the exchange 'logs' has no queue for the message"],
  ['direct_logs', 'info', "the exchange 'direct_logs' has no queue for the key 'info'"],
]) {
  test(`reports: ${where}`, () => {
    const returned = { fields: { exchange, routingKey } } as unknown as RawMessage;
    assert.is(unroutable(returned).message, `not delivered: ${where} (NO_ROUTE)`);
  });
}

test.run();
