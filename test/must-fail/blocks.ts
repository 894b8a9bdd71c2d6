// A deadline inside the process never comes when the event loop is blocked; the runner's own has to.
import { test } from 'uvu';

test('spins for ever', () => {
  for (;;);
});
test.run();
