import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Queue } from '../../../../src/session/publishing/queue.ts';
import { randomOf } from '../../../support/random.ts';

interface Item {
  readonly position: number;
}

test('keeps positions while items are removed in any order', () => {
  const random = randomOf(1);
  const queue = new Queue<Item>(1);
  const items: Item[] = [];
  for (let position = 1; position <= 20_000; position += 1) {
    const item = { position };
    assert.is(queue.push(item), position);
    items.push(item);
    while (items.length > 100 || (items.length > 0 && random.chance(0.3))) {
      const [removed] = items.splice(random.below(Math.min(items.length, 20)), 1);
      queue.remove(removed!.position);
      queue.remove(removed!.position);
      assert.is(queue.at(removed!.position), undefined);
    }
    assert.is(queue.first, items[0]);
    assert.is(queue.firstPosition, items[0]?.position ?? position + 1);
    const some = items[random.below(items.length)];
    if (some) assert.is(queue.at(some.position), some);
  }
  assert.equal([...queue], items);
  assert.is(queue.endPosition, 20_001);
});

test.run();
