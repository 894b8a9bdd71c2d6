import stringWidth from 'string-width';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cellText } from '../../../src/terminal/cell.ts';
import { drawTable } from '../../../src/terminal/table.ts';

const columns = ['name', 'messages_ready', 'state'];
const rows = [
  ['orders', '12', 'running'],
  ['漢字の待ち行列', '3', 'running'],
  ['e\u0301mile 👩‍👩‍👧', '100000', 'down'],
];

function drawn(width: number, more: Partial<Parameters<typeof drawTable>[0]> = {}): string {
  return `\n${drawTable({ columns, rows, width, hasHeaders: true, ...more }).join('\n')}\n`;
}

test('aligns columns by display width, and numbers to the right', () => {
  assert.is(
    drawn(80),
    `
name            messages_ready  state
orders                      12  running
漢字の待ち行列               3  running
e\u0301mile 👩‍👩‍👧                100000  down
`,
  );
});

test('truncates headers first and names last', () => {
  assert.is(
    drawn(33),
    `
name            …ready  state
orders              12  running
漢字の待ち行列       3  running
e\u0301mile 👩‍👩‍👧        100000  down
`,
  );
  assert.is(
    drawn(25),
    `
name       …ready  state
orders         12  runni…
漢字の待…       3  runni…
e\u0301mile 👩‍👩‍👧   100000  down
`,
  );
});

test('removes whole words of a header', () => {
  const header = ['name', 'messages_unacknowledged', 'consumer_utilisation'];
  const of = (width: number) => drawTable({ columns: header, rows: [['q', '1', '2']], width, hasHeaders: true })[0];
  assert.is(of(36), 'name  …unacked  consumer_utilisation');
  assert.is(of(28), 'name  …unacked  …utilisation');
});

test('no line is longer than a terminal of readable width', () => {
  for (let width = 22; width < 60; width += 1)
    for (const line of drawTable({ columns, rows, width, hasHeaders: true }))
      assert.ok(stringWidth(line) <= width, line);
});

test('does not truncate numbers and their units', () => {
  const lines = drawTable({
    columns: ['name', 'mem_used', 'uptime'],
    rows: [['rabbit@a-long-host-name', '1024.5 MiB', '12d 3h']],
    width: 32,
    hasHeaders: true,
  });
  assert.equal(lines, ['name            mem_used  uptime', 'rabbit@a-lo…  1024.5 MiB  12d 3h']);
});

test('prints a block for each row if the columns do not fit', () => {
  assert.is(
    drawn(20, { rows: rows.slice(0, 2) }),
    `
name          orders
messages_re…  12
state         runni…

name          漢字…
messages_re…  3
state         runni…
`,
  );
});

test('draws a table without headers, and one without rows', () => {
  assert.is(drawn(80, { hasHeaders: false, rows: [['a', '1', 'b']] }), '\na  1  b\n');
  assert.is(drawn(80, { rows: [] }), '\nname  messages_ready  state\n');
});

test('formats a value as one line of text', () => {
  for (const [value, text] of [
    [undefined, ''],
    [null, ''],
    [{}, ''],
    [[], ''],
    [0, '0'],
    [false, 'false'],
    ['a\nb\u001b', 'a\\x0ab\\x1b'],
    [['a', 'b\t'], 'a,b\\x09'],
    [{ a: '\u009b', b: [{ c: 1 }] }, '{"a":"\\u009b","b":[{"c":1}]}'],
  ] as const)
    assert.is(cellText(value), text);
});

test.run();
