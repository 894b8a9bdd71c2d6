// Tests that `eventually` of mq/test throws at once if its arguments are wrong.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually } from '../../../src/harness/eventually.ts';

test('eventually refuses a call without a description at once', async () => {
  let looks = 0;
  const look = () => ++looks > 0;
  const call = eventually as (...given: unknown[]) => Promise<unknown>;
  for (const given of [[look], [look, { within: 1 }], ['what'], ['what', 'look']]) {
    const error = await call(...given).catch((thrown: unknown) => thrown);
    assert.instance(error, TypeError);
    assert.match(String(error), 'eventually(what, check)');
    assert.is((error as Error).cause, undefined);
  }
  assert.is(looks, 0);
});

test.run();
