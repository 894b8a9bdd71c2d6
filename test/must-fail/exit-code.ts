// Every test passes, and the process still ends with a status that is not 0.
import { test } from 'uvu';

test('passes', () => {
  process.exitCode = 3;
});
test.run();
