// This file has a syntax error.
import { test } from 'uvu';

test('is never reached', () => {
  const = 1;
});
test.run();
