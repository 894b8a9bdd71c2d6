// An assertion fails. The report shows the difference and the line.
import { test } from 'uvu';
import * as assert from 'uvu/assert';

test('compares', () => assert.equal({ a: 1 }, { a: 2 }));
test.run();
