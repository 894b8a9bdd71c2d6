// If an `after` hook throws, uvu's own run rejects.
import { test } from 'uvu';

test.after(() => {
  throw new Error('cannot close up');
});
test('passes', () => {});
test.run();
