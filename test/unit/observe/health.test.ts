// Tests when a role is ready, and the summary at its end.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readiness } from '../../../src/observe/health.ts';
import { isNoteworthy, summaryOf } from '../../../src/observe/summary.ts';
import { type Counts, newCounts } from '../../../src/session/counts.ts';

const working: Partial<Counts> = { connections: 2, connected: 2, consumers: 1, publishers: 1 };

const states: readonly (readonly [
  why: string,
  change: Partial<Counts>,
  isConsuming?: boolean,
  isStopping?: boolean,
])[] = [
  ['ready', {}],
  ['ready', { publishers: 0 }, true],
  ['ready', { consumers: 0 }, false],
  ['ready', { lost: 3, reconnected: 3 }],
  ['connecting', { connections: 0, connected: 0 }],
  ['connecting again', { connected: 1, lost: 1 }],
  ['the broker blocks publishing', { blocked: 1 }],
  ['no consumer is attached', { consumers: 0 }, true],
  ['1 of 2 consumers are attached', { neededConsumers: 2 }, true],
  ['no channel to publish on', { publishers: 0 }, false],
  ['stopping', {}, true, true],
];

for (const [why, change, isConsuming = true, isStopping = false] of states) {
  test(`${why}: ${JSON.stringify(change)}, ${isConsuming ? 'consuming' : 'sending'}`, () => {
    const counts = { ...newCounts(), ...working, ...change };
    assert.equal(readiness(counts, { isConsuming, isStopping }), { isReady: why === 'ready', why });
  });
}

test('the summary of a sender has its outcomes and the resume point', () => {
  const counts = { ...newCounts(), attempted: 4, confirmed: 2, refused: 1, inDoubt: 1, reconnected: 1 };
  const run = { counts, isConsuming: false, hasFailed: true, durationMs: 1234.5 };
  const fields = { attempted: 4, confirmed: 2, refused: 1, inDoubt: 1, reconnects: 1, seconds: 1.235 };
  assert.equal(summaryOf(run).fields, fields);
  const ofLines = summaryOf({ ...run, counts: { ...counts, resume: 2 } });
  assert.equal(ofLines.fields, { ...fields, resume: 2 });
  assert.is(ofLines.message, 'messages: 2 of 4 confirmed, 1 refused, 1 in doubt (1.2 s); --skip 2 continues');
});

test('the summary of a receiver has outcomes and sent messages', () => {
  const counts = { ...newCounts(), received: 9, handled: 8, acked: 5, retried: 2, deadLettered: 1, stale: 1 };
  const { fields } = summaryOf({ counts, isConsuming: true, hasFailed: false, durationMs: 0 });
  assert.equal(fields, {
    ...{ received: 9, handled: 8, acked: 5, retried: 2, deadLettered: 1, rejected: 0, handedBack: 0, stale: 1 },
    ...{ attempted: 0, confirmed: 0, refused: 0, inDoubt: 0, reconnects: 0, seconds: 0 },
  });
});

test('a failed run prints the summary, except after a single sent message', () => {
  const run = (isConsuming: boolean, hasFailed: boolean, change: Partial<Counts>) =>
    isNoteworthy({ counts: { ...newCounts(), ...change }, isConsuming, hasFailed, durationMs: 1 });
  assert.equal([run(false, true, { attempted: 1 }), run(false, true, { attempted: 2 })], [false, true]);
  assert.equal([run(true, true, {}), run(true, true, { received: 1 })], [false, true]);
  assert.equal([run(false, false, { attempted: 2 }), run(true, false, { received: 1 })], [false, false]);
});

test.run();
