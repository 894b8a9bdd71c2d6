// A process that exits with 0 in its last hook has not shown that the hook succeeds.
import { test } from 'uvu';

test.after(() => process.exit(0));
test('passes', () => {});
test.run();
