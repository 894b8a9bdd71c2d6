// An ordinary failure: the difference is shown, and the line.
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('compares', () => assert.equal({ a: 1 }, { a: 2 }));
test.run();
