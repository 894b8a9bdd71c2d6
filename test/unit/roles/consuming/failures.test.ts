import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Failures } from '../../../../src/roles/consuming/failures.ts';
import { delivered } from '../../../support/delivery.ts';

type Parts = ConstructorParameters<typeof Failures>[0];

/** Returns the decision about a message before a handler receives it. */
function verdictOf(headers: Readonly<Record<string, unknown>>) {
  const config = { attempts: 3, delays: [1000] };
  const failures = new Failures({ config, canFail: true, maxBody: undefined } as unknown as Parts);
  const { delivery, message } = delivered({ headers });
  const flags = { isSuspect: false, isUncounted: false, isNearlyDropped: false, unfinishedAttempts: 0 };
  return failures.verdict({ place: -1, work: undefined, delivery, message, ...flags });
}

const pending = { 'x-mq-pending': true, 'x-mq-queue': 'q' };

test('dead-letters a message with the reason in its headers', () => {
  assert.equal(verdictOf({ ...pending, 'x-mq-reason': 'it failed' }), { type: 'dead-letter', reason: 'it failed' });
});

test('dead-letters a message whose reason is not a text', () => {
  for (const reason of [undefined, 1, { toString: 1, valueOf: 1 }]) {
    const verdict = verdictOf({ ...pending, 'x-mq-reason': reason });
    assert.is(verdict?.type, 'dead-letter');
    assert.type(verdict?.reason, 'string');
  }
});

test.run();
