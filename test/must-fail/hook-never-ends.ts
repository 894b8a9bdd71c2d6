// The deadline applies to hooks as well.
import { test } from 'uvu';

test.before(() => new Promise<void>(() => {}));
test('is never reached', () => {});
test.run();
