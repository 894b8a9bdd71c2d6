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

test('columns line up by what a terminal shows, and numbers stand to the right', () => {
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

test('where it is narrow, headers give way first, and names last', () => {
  assert.is(
    drawn(33),
    `
name            …s_ready  state
orders                12  running
漢字の待ち行列         3  running
e\u0301mile 👩‍👩‍👧          100000  down
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

test('no line is longer than the terminal, down to what can be read at all', () => {
  for (let width = 22; width < 60; width += 1)
    for (const line of drawTable({ columns, rows, width, hasHeaders: true }))
      assert.ok(stringWidth(line) <= width, line);
});

test('numbers are whole, with their units too', () => {
  const lines = drawTable({
    columns: ['name', 'mem_used', 'uptime'],
    rows: [['rabbit@a-long-host-name', '1024.5 MiB', '12d 3h']],
    width: 32,
    hasHeaders: true,
  });
  assert.equal(lines, ['name            mem_used  uptime', 'rabbit@a-lo…  1024.5 MiB  12d 3h']);
});

test('rows stand below each other where columns do not fit beside each other', () => {
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

test('without headers, and without rows', () => {
  assert.is(drawn(80, { hasHeaders: false, rows: [['a', '1', 'b']] }), '\na  1  b\n');
  assert.is(drawn(80, { rows: [] }), '\nname  messages_ready  state\n');
});

test('a value is one line of text', () => {
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
