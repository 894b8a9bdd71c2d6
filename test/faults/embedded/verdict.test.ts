// Tests the checker on constructed histories.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Effect, emptyHistory, type History, type SenderOutcome } from '../history.ts';
import { drawTable } from '../table.ts';
import { type Verdict, verdictOf } from '../verdict.ts';

const none = { duplicates: 0, order: false };

/** Returns a history. The keys of `outcomes` are the published messages, and each letter of `effects` is a handled message. */
function history(outcomes: Readonly<Record<string, SenderOutcome | undefined>>, effects: string): History {
  const made = emptyHistory();
  for (const [body, outcome] of Object.entries(outcomes)) {
    made.attempted.set(body, 0);
    if (outcome) made.outcomes.set(body, outcome);
  }
  made.effects.push(...[...effects].map((body) => effect(body)));
  return made;
}

function effect(body: string, more: Partial<Effect> = {}): Effect {
  return { body, slot: 0, redelivered: false, attempt: 1, at: 0, ...more };
}

const all = { a: 'confirmed', b: 'confirmed', c: 'confirmed' } as const;

test('passes a message that is confirmed and handled once', () => {
  const verdict = verdictOf(history(all, 'abc'), none);
  assert.equal(verdict.failures, []);
  assert.equal({ attempted: verdict.attempted, confirmed: verdict.confirmed }, { attempted: 3, confirmed: 3 });
});

test('a confirmed message that is neither handled nor queued is lost', () => {
  const verdict = verdictOf(history(all, 'ac'), none);
  assert.is(verdict.lost, 1);
  assert.equal(verdict.failures, ['1 lost: b']);
});

test('a confirmed message that is dead-lettered is not lost', () => {
  const made = history(all, 'ac');
  made.deadLettered.push('b');
  const { lost, stuck, deadLettered, failures } = verdictOf(made, none);
  assert.equal({ lost, stuck, deadLettered, failures }, { lost: 0, stuck: 0, deadLettered: 1, failures: [] });
});

test('a confirmed message that is still in the queue is stuck', () => {
  const made = history(all, 'ac');
  made.drained.push('b');
  const { lost, stuck, failures } = verdictOf(made, none);
  assert.equal({ lost, stuck, failures }, { lost: 0, stuck: 1, failures: ['1 stuck: b'] });
});

test('a dropped message is a failure if no policy drops messages', () => {
  const made = history(all, 'ac');
  made.dropped.push('b');
  const { lost, dropped, failures } = verdictOf(made, none);
  assert.equal({ lost, dropped }, { lost: 0, dropped: 1 });
  assert.equal(failures, ['1 dropped without a policy that drops: b']);
  assert.equal(verdictOf(made, { ...none, drops: true }).failures, []);
});

test('a message that may wait for its next attempt is not stuck', () => {
  const made = history(all, 'ac');
  const guarantees = { ...none, mayWait: (body: string) => body === 'b' };
  assert.equal(verdictOf(made, guarantees).failures, ['1 lost: b']);
  made.drained.push('b');
  assert.equal(verdictOf(made, guarantees).failures, []);
});

test('accepts twenty deliveries of a message within a minute, not more', () => {
  const made = history(all, 'abc');
  for (let run = 0; run < 40; run++) made.runs.push({ body: 'a', way: '4', at: run * 3000 });
  assert.is(verdictOf(made, none).perMinute, 20);
  assert.equal(verdictOf(made, none).failures, []);
  made.runs.push({ body: 'a', way: '4', at: 1 });
  assert.equal(verdictOf(made, none).failures, ['a was delivered 21 times within a minute, at most 20 are allowed']);
});

test('a received message that was never published is unexpected', () => {
  const made = history(all, 'abcx');
  made.drained.push('y');
  made.deadLettered.push('z');
  assert.equal(verdictOf(made, none).failures, ['3 unexpected: x, y, z']);
});

test('duplicates fail only beyond the number that the faults can cause', () => {
  assert.equal(verdictOf(history(all, 'abcb'), none).failures, ['1 duplicated, the faults explain at most 0']);
  const { duplicated, failures } = verdictOf(history(all, 'abcb'), { ...none, duplicates: 1 });
  assert.equal({ duplicated, failures }, { duplicated: 1, failures: [] });
});

test('a message in doubt that was received is recovered', () => {
  const { recovered, inDoubt, failures } = verdictOf(history({ ...all, d: 'in doubt', e: 'in doubt' }, 'abcd'), none);
  assert.equal({ recovered, inDoubt, failures }, { recovered: 1, inDoubt: 2, failures: [] });
});

test('messages of killed publishers without an outcome are in doubt', () => {
  const killed = history({ ...all, d: undefined }, 'abc');
  killed.cutOff.add('d');
  assert.equal(verdictOf(killed, none).failures, []);
  assert.is(verdictOf(killed, none).inDoubt, 1);
  assert.equal(verdictOf(history({ ...all, d: undefined }, 'abc'), none).failures, ['1 unaccounted: d']);
});

test('a refused message is neither lost nor stuck', () => {
  assert.equal(verdictOf(history({ ...all, d: 'refused' }, 'abc'), none).failures, []);
});

test('first deliveries out of order are inversions if order is guaranteed', () => {
  const order = { duplicates: 9, order: true };
  assert.is(verdictOf(history(all, 'acb'), none).inversions, undefined);
  assert.equal(verdictOf(history(all, 'acb'), order).failures, ['1 inversions, although order is guaranteed']);
  assert.is(verdictOf(history(all, 'abcab'), order).inversions, 0);
  const again = history(all, 'ac');
  again.effects.push(effect('b', { redelivered: true }));
  assert.is(verdictOf(again, order).inversions, 0);
});

test('a copy that overtakes a redelivered message is no inversion', () => {
  const order = { duplicates: 9, order: true };
  const made = history(all, 'acbc');
  assert.is(verdictOf(made, order).inversions, 1);
  made.effects.push(effect('b', { redelivered: true }));
  assert.is(verdictOf(made, order).inversions, 0);
});

test('fails if there is no recovery, no message, or an error of a process', () => {
  const failed = [{ fault: 'x', recoveryMs: undefined, targetMs: 1 }];
  assert.equal(verdictOf(history(all, 'abc'), none, failed).failures, ['no recovery after x']);
  const made = history(all, 'abc');
  made.errors.push('ended with 70');
  assert.equal(verdictOf(made, none).failures, ['ended with 70']);
  assert.is(verdictOf(emptyHistory(), none).failures.length, 1);
});

test('the table has a row for each trial, followed by the failures', () => {
  const injections = [
    { fault: 'x', recoveryMs: 1200, targetMs: 5000 },
    { fault: 'x', recoveryMs: 7000, targetMs: 5000 },
  ];
  const verdict: Verdict = verdictOf(history(all, 'ac'), none, injections);
  assert.is(
    drawTable([{ fault: 'x', verdict }]),
    `\
| fault | n | confirmed | refused | in doubt | recovered | lost | unexpected | stuck | duplicated | dead | inversions |    recovery s | verdict |
|-------|--:|----------:|--------:|---------:|----------:|-----:|-----------:|------:|-----------:|-----:|-----------:|--------------:|--------:|
| x     | 2 |         3 |       0 |        0 |         0 |    1 |          0 |     0 |          0 |    0 |          - | 1.2..7.0 late |    FAIL |
x: 1 lost: b`,
  );
});

test.run();
