import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Values } from '../../../../../src/cli/arguments/values.ts';
import { parallelism } from '../../../../../src/cli/commands/role/handler-options.ts';

/** Returns prefetch and concurrency of a role whose subscriptions have these prefetches. */
function numbers(prefetches: readonly (number | undefined)[], options: Record<string, number> = {}) {
  const values = { whole: (name: string) => options[name], duration: () => undefined, text: () => undefined };
  const subscriptions = Object.fromEntries(prefetches.map((prefetch, index) => [`s${index}`, { prefetch }]));
  const role = { subscription: 's0', subscriptions: Object.keys(subscriptions) };
  const settings = { role, config: { subscriptions }, choice: { config: { exec: ['true'] }, fromFile: true } };
  const { prefetch, concurrency } = parallelism(
    values as unknown as Values,
    settings as unknown as Parameters<typeof parallelism>[1],
  );
  return [prefetch, concurrency];
}

test('a prefetch of 0 is no limit, and ten messages are handled at once', () => {
  assert.equal(numbers([0]), [0, 10]);
  assert.equal(numbers([0], { concurrency: 50 }), [50, 50]);
});

test('the smallest prefetch other than 0 limits the concurrency', () => {
  assert.equal(numbers([undefined]), [10, 10]);
  assert.equal(numbers([0, 3, undefined]), [3, 3]);
  assert.equal(numbers([3], { prefetch: 5, concurrency: 20 }), [5, 5]);
});

test.run();
