// A test whose `before.each` throws has not run.
import { test } from 'uvu';

test.before.each(() => {
  throw new Error('no clean slate');
});
test('is never reached', () => {});
test.run();
