// The report shows the output of a failing file, without uvu's marks.
import { test } from 'uvu';

test('speaks, then fails', () => {
  process.stderr.write('first words\n');
  throw new Error('and fails');
});
test.run();
