// Measures whether the cost of a message in the embedded broker grows with the number of queues, consumers, channels,
// connections, bindings or queued messages.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { emptyFolder, startMq } from '../../support/mq.ts';
import { median } from '../measure.ts';
import { say } from '../table.ts';
import { type Broker, rabbitBroker } from './broker.ts';
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
  const running = startMq(['broker', '--port', '0', '--json'], { cwd: emptyFolder(), deadlineMs: 2 ** 31 - 1 });
  try {
    const { url } = JSON.parse(await running.prints(/\n/));
    await measureGrowth('embedded broker', { url, pid: running.pid }, runs, messages);
  } finally {
    await running.stop();
  }
}

/** Measures RabbitMQ with the same client. It receives a quarter of the messages, because it needs much longer for each. */
export async function growthOfRabbitMq({ runs, messages, node }: Settings): Promise<void> {
  const rabbit = rabbitBroker(await node());
  if (rabbit === undefined) return say('\nRabbitMQ: growth is not measured, because its process is not visible');
  await measureGrowth('RabbitMQ', rabbit, runs, Math.ceil(messages / 4));
}

/**
 * Prints a line for each kind of object. Each round measures all numbers of objects, in alternating order, so that a change
 * of the machine's speed affects all of them. The first round warms up.
 */
async function measureGrowth(name: string, broker: Broker, runs: number, messages: number): Promise<void> {
  say(`\n${name}: its cpu µs/msg while it has this number of objects, medians of ${runs} rounds`);
  say("× is the median of the rounds' ratios to the row's first number");
  for (const [kind, counts] of rows) {
    const cells: number[][] = counts.map(() => []);
    for (let round = -1; round < runs; round += 1) {
      const order = [...counts.keys()];
      for (const index of round % 2 === 0 ? order : order.reverse()) {
        const us = await run(broker, [kind, String(counts[index]), String(messages)]);
        if (round >= 0) cells[index]?.push(us);
      }
    }
    say(
      `  ${kind.padEnd(14)}${counts.map((count, index) => shown(count, cells[index] ?? [], cells[0] ?? [])).join('')}`,
    );
  }
}

async function run({ url, pid }: Broker, args: readonly string[]): Promise<number> {
  const env = { ...process.env, MQ_URL: url };
  const { stdout } = await promisify(execFile)(process.execPath, [client, ...args, String(pid)], { env });
  return Number(stdout);
}

function shown(count: number, rounds: readonly number[], first: readonly number[]): string {
  const ratio = median(rounds.map((us, round) => us / (first[round] ?? us)));
  return `${count.toLocaleString('en').padStart(12)}${median(rounds).toFixed(1).padStart(8)}${ratio.toFixed(2).padStart(7)}`;
}
