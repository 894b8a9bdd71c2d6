// A test whose `before.each` throws has not run.
import { test } from 'uvu';

test.before.each(() => {
  throw new Error('the set-up failed');
});
test('is never reached', () => {});
test.run();
