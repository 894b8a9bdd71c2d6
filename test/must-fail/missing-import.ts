// This file imports a missing file.
import { test } from 'uvu';
// @ts-expect-error
import { nothing } from './does-not-exist.ts';

test('is never reached', () => nothing());
test.run();
