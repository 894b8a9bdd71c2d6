// The test does not await a promise that rejects.
import { test } from 'uvu';

test('forgets a promise', () => {
  void Promise.reject(new Error('not awaited'));
});
test('is not blamed', () => {});
test.run();
