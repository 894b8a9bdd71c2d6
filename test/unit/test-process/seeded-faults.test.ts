// Tests the decisions of --chaos: they depend only on the seed and on numbers.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ChaosKind, chaosKinds } from '../../../src/harness/target.ts';
import { SeededFaults } from '../../../src/test-process/seeded-faults.ts';

const numbers = Array.from({ length: 200 }, (_, index) => index + 1);

test('the same seed makes the same decisions in each test', () => {
  const faults = started(7);
  const first = decisions(faults);
  faults.begin();
  assert.equal(decisions(faults), first);
  assert.equal(decisions(started(7)), first);
});

test('the decisions do not depend on the order of the questions', () => {
  const faults = started(2);
  const forwards = numbers.map((number) => faults.losesAck('q', number));
  const backwards = numbers.toReversed().map((number) => faults.losesAck('q', number));
  assert.equal(backwards.toReversed(), forwards);
});

test('a kind of fault makes the same decisions alone as with the others', () => {
  const lost = (faults: SeededFaults) => numbers.map((number) => faults.losesAck('q', number));
  assert.equal(lost(started(3, ['redelivery'])), lost(started(3)));
});

test('seeds, queues and messages differ', () => {
  const lost = (seed: number, queue: string) => String(numbers.map((number) => started(seed).losesAck(queue, number)));
  assert.is.not(lost(2, 'a'), lost(2, 'b'));
  assert.is.not(lost(2, 'a'), lost(5, 'a'));
  const count = numbers.filter((number) => started(2).losesAck('a', number)).length;
  assert.ok(count > 70 && count < 130, `${count} of 200 with a chance of 1/2`);
});

test('three consecutive seeds contain each kind for every message', () => {
  const always = [1, 2, 3].flatMap((seed) => {
    const faults = started(seed);
    return [
      ...(numbers.every((number) => faults.losesAck('q', number)) ? ['redelivery'] : []),
      ...(numbers.every((number) => faults.successors('q', number) > 0) ? ['reordering'] : []),
      ...(numbers.every((number) => faults.confirmDelayMs('c', number) > 0) ? ['slow confirms'] : []),
      ...(faults.disconnects('c', 1) && faults.disconnects('c', 2) ? ['reconnect'] : []),
    ];
  });
  assert.equal([...new Set(always)].toSorted(), chaosKinds.toSorted());
});

test('seed 1 delivers every message twice', () => {
  assert.ok(numbers.every((number) => started(1).losesAck('orders', number)));
});

test('a client loses its connection at most twice in a test', () => {
  const faults = started(1);
  assert.is(numbers.filter((number) => faults.disconnects('c', number)).length, 2);
  faults.begin();
  assert.ok(faults.disconnects('c', 1));
});

test('other kinds cause nothing, and nothing happens between two tests', () => {
  const faults = started(1, ['slow confirms']);
  assert.not(numbers.some((number) => faults.losesAck('q', number) || faults.successors('q', number) > 0));
  const all = started(1);
  assert.ok(all.losesAck('q', 1));
  assert.is(all.caused, 1);
  all.stop();
  assert.not(all.losesAck('q', 1));
  assert.is(all.caused, 1);
});

test('a series starts at 1 in each test', () => {
  const faults = started(1);
  assert.equal([faults.next('a'), faults.next('a'), faults.next('b')], [1, 2, 1]);
  faults.begin();
  assert.is(faults.next('a'), 1);
});

function started(seed: number, kinds: readonly ChaosKind[] = chaosKinds): SeededFaults {
  const faults = new SeededFaults({ seed, kinds });
  faults.begin();
  return faults;
}

function decisions(faults: SeededFaults): unknown[] {
  return numbers.map((number) => [
    faults.losesAck('q', number),
    faults.successors('q', number),
    faults.confirmDelayMs('c', number),
    faults.disconnects('c', number),
  ]);
}

test.run();
