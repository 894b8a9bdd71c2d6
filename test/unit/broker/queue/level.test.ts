import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Deque } from '../../../../src/broker/queue/deque.ts';
import { QueueEntry } from '../../../../src/broker/queue/entry.ts';
import { Level } from '../../../../src/broker/queue/level.ts';
import { Message } from '../../../../src/broker/queue/message.ts';
import { randomOf } from '../../../support/random.ts';

const message = new Message({
  ...{ exchange: '', routingKey: 'q', content: Buffer.alloc(2), propertiesLength: 2, persistent: false },
  ...{ priority: undefined, expirationMs: undefined },
});

for (const isSorted of [true, false]) {
  const how = isSorted
    ? 'delivers returned entries at their old positions'
    : 'delivers returned entries after the others';
  test(`${how}, in a long random run`, () => {
    const random = randomOf(isSorted ? 1 : 2).below;
    const level = new Level({ isSorted });
    let expected: QueueEntry[] = [];
    let taken: QueueEntry[] = [];
    let position = 0;
    for (let step = 0; step < 200; step++) {
      for (let count = random(300); count > 0; count--) {
        const entry = new QueueEntry(message, position++, undefined, undefined);
        level.push(entry);
        expected.push(entry);
      }
      for (let count = random(step % 50 === 0 ? 20_000 : 250); count > 0 && expected.length > 0; count--) {
        const entry = level.shift() as QueueEntry;
        assert.is(entry, expected.shift());
        taken.push(entry);
      }
      if (isSorted) taken.sort((a, b) => a.position - b.position);
      const share = random(4);
      const back = share === 3 ? taken : taken.filter(() => random(4) < share);
      const gone = new Set(back);
      taken = taken.filter((entry) => !gone.has(entry));
      const deque = new Deque<QueueEntry>();
      for (const entry of back) deque.push(entry);
      level.putBack(deque);
      expected.push(...back);
      if (isSorted) expected = expected.sort((a, b) => a.position - b.position);
      assert.is(level.length, expected.length);
      assert.is(level.first(), expected[0]);
    }
    assert.is(new Set(level).size, expected.length);
    for (const entry of expected) assert.is(level.shift(), entry);
    assert.is(level.shift(), undefined);
    assert.is(level.length, 0);
  });
}

test('delivers many returned entries in order with the others', () => {
  const level = new Level({ isSorted: true });
  const entries = Array.from({ length: 60_000 }, (_, index) => new QueueEntry(message, index, undefined, undefined));
  for (const entry of entries) level.push(entry);
  const taken = entries.map(() => level.shift() as QueueEntry);
  for (const rest of [1, 0, 2]) {
    const deque = new Deque<QueueEntry>();
    for (const entry of taken) if (entry.position % 3 === rest) deque.push(entry);
    level.putBack(deque);
  }
  assert.equal(
    entries.map(() => level.shift()?.position),
    entries.map(({ position }) => position),
  );
});

test.run();
