import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { confirmLimitMs } from '../../../../../src/cli/commands/role/running.ts';

test('only a sender has a limit for a confirm: 60 s, or --timeout', () => {
  for (const behaviour of ['publish', 'request'] as const) {
    assert.is(confirmLimitMs({ behaviour, publication: 'orders' }, undefined), 60_000);
    assert.is(confirmLimitMs({ behaviour, publication: 'orders' }, 5000), 5000);
  }
  const receiver = {
    behaviour: 'consume',
    subscription: 'orders',
    subscriptions: ['orders'],
    handler: { builtin: 'work' },
  } as const;
  assert.is(confirmLimitMs(receiver, undefined), Number.POSITIVE_INFINITY);
});

test.run();
