// Crashes a store on a simulated disk at its disk operations, and checks what each start recovers.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { countOf } from '../support/random.ts';
import { runSeed, sweep } from './store-world.ts';

/** The first seed, to repeat a failure: `SEED=123 SEEDS=1`. */
const firstSeed = countOf('SEED', 1);
const seeds = countOf('SEEDS', 150);

test('a power loss or a kill keeps every committed change of a store', async () => {
  let crashes = 0;
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) crashes += await runSeed(seed, { hasErrors: false });
  assert.ok(crashes > seeds);
});

test('a store with a failing disk keeps every committed change', async () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) await runSeed(seed, { hasErrors: true });
});

test('a power loss at each disk operation keeps every committed change', async () => {
  const crashes = await sweep(firstSeed);
  assert.ok(crashes > 100);
});

test.run();
