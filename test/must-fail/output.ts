// What a failing file has written is shown, without uvu's own marks.
import { test } from 'uvu';

test('speaks, then fails', () => {
  process.stderr.write('first words\n');
  throw new Error('and fails');
});
test.run();
