// A file that cannot be parsed.
import { test } from 'uvu';

test('is never reached', () => {
  const = 1;
});
test.run();
