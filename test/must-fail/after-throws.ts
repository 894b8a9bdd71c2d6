// A throwing `after` hook rejects uvu's own run.
import { test } from 'uvu';

test.after(() => {
  throw new Error('cannot close up');
});
test('passes', () => {});
test.run();
