// An exception after the last test is a failure of the file.
import { test } from 'uvu';

test('passes', () => {
  setTimeout(() => {
    throw new Error('after the end');
  }, 50);
});
test.run();
