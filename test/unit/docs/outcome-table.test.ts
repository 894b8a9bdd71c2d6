// Checks that the page about retries and dead letters contains the table whose rows the scenarios run.

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { outcomeTable } from '../../support/outcome-table.ts';

const page = resolve(import.meta.dirname, '../../../.github/docs/retries-and-dead-letters.md');

test('the page has the table of outcomes that the tests run', () => {
  const head = outcomeTable().split('\n')[0] ?? '';
  const text = readFileSync(page, 'utf8');
  const [table = ''] = text.slice(text.indexOf(head)).split('\n\n');
  assert.is(table, outcomeTable());
});

test.run();
