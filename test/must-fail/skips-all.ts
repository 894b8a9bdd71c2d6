// A file whose tests were all skipped does not pass.
import { test } from 'uvu';
import { skip } from '../../src/harness/test-file/skip.ts';

test('needs a cluster', () => skip('there is no cluster'));
test.skip('is not written yet', () => {});
test.run();
