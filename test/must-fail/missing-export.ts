// This file imports a name that the other file does not export.
import { test } from 'uvu';
// @ts-expect-error
import { nothing } from '../../src/harness/test-file/skip.ts';

test('is never reached', () => nothing());
test.run();
