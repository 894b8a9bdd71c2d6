import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TagMap } from '../../../../src/broker/connection/tag-map.ts';
import { randomOf } from '../../../support/random.ts';

for (const seed of [1, 2, 3, Math.floor(Math.random() * 2 ** 31)]) {
  test(`contains the same values as a Map after a random history (seed ${seed})`, () => {
    const random = randomOf(seed);
    const tags = new TagMap<string>();
    const model = new Map<number, string>();
    let last = 0;
    for (let step = 0; step < 20_000; step++) {
      if (random.chance(0.5)) {
        // Tags of deliveries without acknowledgement are left out.
        last += random.chance(0.01) ? 1 + random.below(200) : 1;
        tags.add(last, `value ${last}`);
        model.set(last, `value ${last}`);
      }
      if (random.chance(0.5)) {
        const tag = random.chance(0.5) ? last - random.below(10) : random.below(last + 2);
        assert.is(tags.has(tag), model.has(tag));
        assert.is(tags.take(tag), model.get(tag));
        model.delete(tag);
      }
      if (random.chance(0.002)) {
        const upTo = random.chance(0.3) ? Infinity : random.below(last + 2);
        const expected = [...model].filter(([tag]) => tag <= upTo);
        for (const [tag] of expected) model.delete(tag);
        assert.equal(
          [...tags.takeUpTo(upTo)],
          Array.from(expected, ([, value]) => value),
        );
      }
      assert.is(tags.size, model.size);
    }
  });
}

test('values that are added while others are taken stay', () => {
  const tags = new TagMap<number>();
  for (let tag = 1; tag <= 100; tag++) tags.add(tag, tag);
  let taken = 0;
  for (const tag of tags.takeUpTo(100)) {
    tags.add(tag + 100, tag + 100);
    taken++;
  }
  assert.equal([taken, tags.size], [100, 100]);
  assert.is(tags.take(200), 200);
});

test('does not contain tags that a client invents', () => {
  const tags = new TagMap<string>();
  tags.add(2 ** 33, 'large');
  for (const tag of [0, 1, 2 ** 33 + 1, 2 ** 64]) assert.is(tags.take(tag), undefined);
  assert.is(tags.take(2 ** 33), 'large');
});

test.run();
