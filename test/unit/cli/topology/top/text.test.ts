// Tests the table of mq top on terminals of several widths.

import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { tableOf } from '../../../../../src/cli/topology/top/text.ts';

const long = { vhost: '/', name: `orders.${'x'.repeat(93)}`, type: 'classic', ready: 1, unacked: 2, consumers: 3 };
const short = { vhost: '/', name: 'audit', type: 'quorum', ready: 1, unacked: 2, consumers: 3, in: 1.5, out: 2 };

async function linesOf(columns: number): Promise<string[]> {
  const stdout = Object.assign(new PassThrough(), { isTTY: true, columns });
  return (await tableOf(stdout, [long, short])).split('\n').slice(0, -1);
}

test('shortens a long name before the other columns', async () => {
  const name = `orders.${'x'.repeat(42)}…`;
  assert.equal(await linesOf(120), [
    `name${' '.repeat(48)}type     ready  unacked  retry  dead  consumers  in/s  out/s  memory`,
    `${name}  classic      1        2                       3`,
    `audit${' '.repeat(47)}quorum       1        2                       3   1.5      2`,
  ]);
});

test('keeps all columns on a narrow terminal', async () => {
  for (const width of [80, 110]) {
    const lines = await linesOf(width);
    assert.is(lines.length, 3);
    assert.not.match(lines[0] ?? '', /…/);
    assert.match(lines[1] ?? '', /^orders\.x+… /);
  }
});

test.run();
