// A promise that nobody waits for rejects.
import { test } from 'uvu';

test('forgets a promise', () => {
  void Promise.reject(new Error('nobody listens'));
});
test('is not blamed', () => {});
test.run();
