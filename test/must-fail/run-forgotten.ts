// uvu 0.5.6 exits 0: a suite without `.run()` is not in its queue.
import { suite, test } from 'uvu';

const forgotten = suite('forgotten');
forgotten('is never reached', () => {});
test('passes', () => {});
test.run();
