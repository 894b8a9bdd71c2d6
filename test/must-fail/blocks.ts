// A timer in the process does not fire while the event loop is blocked, so the runner has a deadline too.
import { test } from 'uvu';

test('spins for ever', () => {
  for (;;);
});
test.run();
