import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ArrivalOrder, type Placed } from '../../src/arrival-order.ts';
import { randomOf } from '../support/random.ts';

test('an ArrivalOrder behaves as a Set', () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = randomOf(seed);
    const elements = Array.from({ length: 60 }, (): Placed => ({ place: -1 }));
    const [order, model] = [new ArrivalOrder<Placed>(), new Set<Placed>()];
    const growth = random.pick([0.2, 0.5, 0.8]);
    for (let step = 0; step < 300; step += 1) {
      const element = random.pick(elements);
      if (random.chance(growth)) {
        order.add(element);
        model.add(element);
      } else assert.is(order.delete(element), model.delete(element), `seed ${seed}`);
      if (random.chance(0.005)) {
        order.clear();
        model.clear();
      }
      const positions = (some: Iterable<Placed>) => [...some].map((one) => elements.indexOf(one));
      assert.equal(positions(order), positions(model), `seed ${seed}`);
      assert.is(order.size, model.size, `seed ${seed}`);
      assert.is(order.has(element), model.has(element), `seed ${seed}`);
    }
  }
});

test('an ArrivalOrder does not contain an element of another one', () => {
  const [one, other] = [new ArrivalOrder<Placed>(), new ArrivalOrder<Placed>()];
  one.add({ place: -1 });
  const element = { place: -1 };
  other.add(element);
  assert.equal([one.has(element), one.delete(element), one.size], [false, false, 1]);
});

test.run();
