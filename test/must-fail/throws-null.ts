// uvu 0.5.6 exits 0: its reporter breaks on an error that is null.
import { test } from 'uvu';

test('throws null', () => {
  throw null;
});
test.run();
