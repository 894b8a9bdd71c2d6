import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadTimeoutMs } from '../../../src/harness/request.ts';

test('a file may load for 30 s, or for the longer limit of its tests', () => {
  assert.is(loadTimeoutMs(1000), 30_000);
  assert.is(loadTimeoutMs(240_000), 240_000);
});

test.run();
