// A process that exits with 0 before it has registered its tests has passed none.
import { test } from 'uvu';

if (import.meta.url !== '') process.exit(0);
test('is never reached', () => {});
test.run();
