// The table of mq admin on a terminal that is too narrow for its headers.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatResult } from '../../../src/admin/print.ts';

const columns = ['vhost', 'name', 'messages_unacknowledged', 'state'];
const queue = (vhost: string) => ({ vhost, name: 'orders', messages_unacknowledged: 2, state: 'running' });

function drawn(vhosts: readonly string[], terminalWidth: number, requested?: readonly string[]): Promise<string> {
  const format = { isJson: false, terminalWidth, hasHeaders: true, columns: requested };
  return formatResult({ kind: 'items', columns, items: vhosts.map(queue) }, format);
}

test('leaves out a vhost that all rows have if the headers do not fit', async () => {
  assert.is(
    await drawn(['/'], 40),
    'name    messages_unacknowledged  state\norders                        2  running\n',
  );
  assert.match(await drawn(['/'], 80), /^vhost {2}name/);
});

test('prints the vhost if the rows differ, or if --columns names it', async () => {
  assert.match(await drawn(['/', 'shop'], 40), /^vhost {2}name/);
  assert.match(await drawn(['/'], 40, columns), /^vhost {2}name/);
});

test.run();
