// uvu 0.5.6 exits 0: its reporter breaks on an error without a name.
import { test } from 'uvu';

test('throws a string', () => {
  throw 'just words';
});
test.run();
