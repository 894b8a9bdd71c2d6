// Compares `mq bench pipe` with a program that uses amqplib alone, at the same fixed rate. The rates may differ by 10 %.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { emptyFolder, executable } from '../../support/mq.ts';
import { median } from '../measure.ts';
import { say } from '../table.ts';
import type { Settings } from './node.ts';

const client = join(import.meta.dirname, '../clients/rate.js');
const seconds = 5;

interface Figures {
  readonly sent: number;
  readonly received: number;
  readonly p50: number;
  readonly p99: number;
}

/** Prints the medians of both programs. Throws an Error if a rate differs by more than 10 %. */
export async function rates({ runs, node }: Settings): Promise<void> {
  const { url } = await node();
  say(`\n${'at a fixed rate, quorum queue'.padEnd(44)}    mq bench     amqplib      ×`);
  for (const rate of [200, 1000]) {
    const pairs: [Figures, Figures][] = [];
    for (let round = 0; round < runs; round += 1) pairs.push([await byMq(url, rate), await byAmqplib(url, rate)]);
    for (const [name, unit] of [
      ['sent', 'msg/s'],
      ['received', 'msg/s'],
      ['p50', 'ms'],
      ['p99', 'ms'],
    ] as const) {
      const [mine, theirs] = ([0, 1] as const).map((index) => median(pairs.map((pair) => pair[index][name])));
      const ratio = (mine ?? 0) / (theirs ?? 0);
      const shown = [mine, theirs].map((value = 0) => value.toFixed(2).padStart(12)).join('');
      say(`  ${`${rate} msg/s: ${name} (${unit})`.padEnd(42)}${shown}${ratio.toFixed(2).padStart(7)}`);
      if (unit === 'msg/s' && Math.abs(ratio - 1) > 0.1) throw new Error(`the rates differ by more than 10 %: ${name}`);
    }
  }
}

async function byMq(url: string, rate: number): Promise<Figures> {
  const args = ['bench', 'pipe', '--rate', String(rate), '--duration', `${seconds}s`, '--warm-up', '0', '--json'];
  const line = (await run(executable, args, url)).trim().split('\n').at(-1) ?? '';
  const { rates: found, latencyMs } = JSON.parse(line) as { rates: Figures; latencyMs: Figures };
  return { sent: found.sent, received: found.received, p50: latencyMs.p50, p99: latencyMs.p99 };
}

async function byAmqplib(url: string, rate: number): Promise<Figures> {
  return JSON.parse(await run(process.execPath, [client, 'bench-rate', String(rate), String(seconds)], url)) as Figures;
}

async function run(file: string, args: readonly string[], url: string): Promise<string> {
  const env = { ...process.env, MQ_URL: url };
  const { stdout } = await promisify(execFile)(file, args, { cwd: emptyFolder(), env, maxBuffer: 2 ** 26 });
  return stdout;
}
