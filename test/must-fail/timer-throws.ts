// An exception in a timer does not reject the promise of the test.
import { test } from 'uvu';

test('starts a timer', async () => {
  await new Promise<void>(() => {
    setTimeout(() => {
      throw new Error('too late');
    });
  });
});
test('is not blamed', () => {});
test.run();
