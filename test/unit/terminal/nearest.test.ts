import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nearest } from '../../../src/terminal/nearest.ts';

for (const [typed, names, meant] of [
  ['quue', ['queue', 'exchange'], 'queue'],
  ['Queue', ['queue'], 'queue'],
  ['taks', ['tasks', 'task'], 'task'],
  ['exchnge', ['exchange'], 'exchange'],
  ['nothing', ['queue', 'exchange'], undefined],
  ['xy', ['ab'], undefined],
  ['a', ['b'], undefined],
  ['', ['ab'], undefined],
  ['anything', [], undefined],
] as const) {
  test(`suggests ${meant ?? 'nothing'} for '${typed}'`, () => {
    assert.is(nearest(typed, names), meant);
  });
}

test.run();
