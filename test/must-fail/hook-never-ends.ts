// A hook has the deadline too.
import { test } from 'uvu';

test.before(() => new Promise<void>(() => {}));
test('is never reached', () => {});
test.run();
