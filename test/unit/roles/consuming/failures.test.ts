import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { PendingDelivery } from '../../../../src/roles/consuming/delivery-queue.ts';
import { Failures } from '../../../../src/roles/consuming/failures.ts';
import { delivered } from '../../../support/delivery.ts';

type Parts = ConstructorParameters<typeof Failures>[0];

/** Returns the decision about a message before a handler receives it. */
function verdictOf(
  headers: Readonly<Record<string, unknown>>,
  { attempts = 3, onFail = 'retry', ...known }: { attempts?: number; onFail?: string } & Partial<PendingDelivery> = {},
) {
  const config = { attempts, onFail, delays: [1000] };
  const failures = new Failures({ config, canFail: true, maxBody: undefined } as unknown as Parts);
  const { delivery, message } = delivered({ headers });
  const flags = {
    isSuspect: false,
    isUncounted: false,
    isMarked: false,
    isNearlyDropped: false,
    unfinishedAttempts: 0,
  };
  return failures.verdict({ place: -1, work: undefined, delivery, message, ...flags, ...known });
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

for (const onFail of ['retry', 'requeue']) {
  test(`counts a redelivery from the second one, with --on-fail ${onFail}`, () => {
    const first = verdictOf({}, { attempts: 1, onFail, isUncounted: true });
    assert.is(first?.type, 'mark');
    // The handler receives the message from the wait queue.
    assert.is(verdictOf({}, { attempts: 1, onFail, isMarked: true }), undefined);
    const second = { onFail, isUncounted: true, isMarked: true };
    assert.is(verdictOf({}, { attempts: 2, ...second })?.type, 'count');
    const last = verdictOf({}, { attempts: 1, ...second });
    assert.equal(last, { type: 'dead-letter', reason: '1 attempt ended without an outcome', attempt: 1 });
  });
}

test.run();
