// A process that exits with 0 in its last hook does not pass, because the hook did not end.
import { test } from 'uvu';

test.after(() => process.exit(0));
test('passes', () => {});
test.run();
