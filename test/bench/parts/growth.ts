// Measures whether the cost of a message in the embedded broker grows with the number of queues, consumers, channels,
// connections, bindings or queued messages.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { emptyFolder, startMq } from '../../support/mq.ts';
import { median } from '../measure.ts';
import { say } from '../table.ts';
import type { Settings } from './node.ts';

const client = join(import.meta.dirname, '../clients/growth.js');

const rows: readonly (readonly [kind: string, counts: readonly [number, ...number[]]])[] = [
  ['queues', [1, 100, 1_000]],
  ['consumers', [1, 100, 1_000]],
  ['channels', [1, 100, 1_000]],
  ['connections', [1, 100, 1_000]],
  ['bindings', [10, 1_000, 10_000]],
  ['queued', [0, 100_000, 1_000_000]],
];

export async function growth({ runs, messages }: Settings): Promise<void> {
  say(
    "\nembedded broker: its cpu µs/msg while it has this number of objects; × is the ratio to the row's first number",
  );
  const url = { MQ_URL: '' };
  const running = startMq(['broker', '--port', '0', '--json'], { cwd: emptyFolder(), deadlineMs: 2 ** 31 - 1 });
  try {
    url.MQ_URL = JSON.parse(await running.prints(/\n/)).url;
    for (const [kind, counts] of rows) {
      const cells: number[][] = counts.map(() => []);
      for (let round = 0; round < runs; round += 1) {
        for (const [index, count] of counts.entries()) {
          const args = [client, kind, String(count), String(messages), String(running.pid)];
          const { stdout } = await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...url } });
          cells[index]?.push(Number(stdout));
        }
      }
      const medians = cells.map(median);
      const shown = counts.map((count, index) => {
        const us = medians[index] ?? Number.NaN;
        return `${count.toLocaleString('en').padStart(12)}${us.toFixed(1).padStart(8)}${(us / (medians[0] ?? us)).toFixed(2).padStart(7)}`;
      });
      say(`  ${kind.padEnd(14)}${shown.join('')}`);
    }
  } finally {
    await running.stop();
  }
}
