// A process that exits with 0 during a test does not pass.
import { test } from 'uvu';

test('leaves early', () => process.exit(0));
test('is never reached', () => {});
test.run();
