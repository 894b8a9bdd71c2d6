// uvu 0.5.6 exits 0 when `after.each` throws after a failed test, and the tests that follow do not run.
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test.after.each(() => {
  throw new Error('cannot tidy up');
});
test('fails by itself', () => assert.is(1, 2));
test('runs all the same', () => {});
test.run();
