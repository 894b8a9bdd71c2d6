// The page about retries and dead letters has the table that the suite runs.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { outcomeTable } from '../../support/outcome-table.ts';

const page = resolve(import.meta.dirname, '../../../.github/docs/retries-and-dead-letters.md');

test('the table of the page is the one that the tests run', () => {
  const head = outcomeTable().split('\n')[0] ?? '';
  const text = readFileSync(page, 'utf8');
  const [table = ''] = text.slice(text.indexOf(head)).split('\n\n');
  assert.is(table, outcomeTable());
});

test.run();
