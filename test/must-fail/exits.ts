// A process that exits with 0 in the middle of a test has not passed it.
import { test } from 'uvu';

test('leaves early', () => process.exit(0));
test('is never reached', () => {});
test.run();
