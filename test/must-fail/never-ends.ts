// uvu 0.5.6 has no deadline. Node exits in the middle of the test, because nothing keeps its event loop running.
import { test } from 'uvu';

test('waits for ever', () => new Promise<void>(() => {}));
test('runs after it', () => {});
test.run();
