// If `before.each` throws, the test does not run and must not pass.
import { test } from 'uvu';

test.before.each(() => {
  throw new Error('the set-up failed');
});
test('is never reached', () => {});
test.run();
