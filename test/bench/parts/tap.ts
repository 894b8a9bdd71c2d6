// Measures what mq tap costs a publisher, and its memory while its output is not read, at 2,000 messages a second.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { executable, type RunningMq, startMq } from '../../support/mq.ts';
import { cpuMsOf, median, resident } from '../measure.ts';
import { say } from '../table.ts';
import type { Settings } from './node.ts';

const client = join(import.meta.dirname, '../clients/confirms.js');
const rate = 2_000;
const seconds = 3;
/** Number of measurements of the memory of a tap whose output is blocked. */
const blockedRounds = 4;

interface Confirms {
  readonly p50: number;
  readonly p99: number;
}

export async function tap({ runs, node }: Settings): Promise<void> {
  const embedded = startMq(['broker', '--port', '0', '--json'], { deadlineMs: 2 ** 31 - 1 });
  try {
    const { url } = JSON.parse(await embedded.prints(/\n/)) as { url: string };
    await measureTap('embedded broker', url, runs);
  } finally {
    await embedded.stop();
  }
  await measureTap('RabbitMQ', (await node()).url, runs);
}

async function measureTap(name: string, url: string, runs: number): Promise<void> {
  say(`\n${name}: time until a confirm at ${rate} msg/s, medians of ${runs} pairs of rounds`);
  const pairs: (readonly [Confirms, Confirms])[] = [];
  for (let round = -1; round < runs; round += 1) {
    // The order alternates, so that a drift of the machine's speed affects both.
    const pair =
      (round + 1) % 2 === 0
        ? ([await confirms(url), await tapped(url)] as const)
        : ([await tapped(url), await confirms(url)].toReversed() as [Confirms, Confirms]);
    if (round >= 0) pairs.push(pair);
  }
  for (const figure of ['p50', 'p99'] as const) {
    const [alone, watched] = ([0, 1] as const).map((index) => median(pairs.map((pair) => pair[index][figure])));
    const ratio = median(pairs.map(([one, other]) => other[figure] / one[figure]));
    say(`  ${figure} ms without ${alone?.toFixed(3)}  with a tap ${watched?.toFixed(3)}  × ${ratio.toFixed(2)}`);
  }
  await measureBlocked(url);
}

async function confirms(url: string): Promise<Confirms> {
  const env = { ...process.env, MQ_URL: url };
  const { stdout } = await promisify(execFile)(process.execPath, [client, String(rate), String(seconds)], { env });
  return JSON.parse(stdout) as Confirms;
}

async function tapped(url: string): Promise<Confirms> {
  const running = startTap(url);
  await running.prints(/waiting for messages from/, 'stderr');
  try {
    return await confirms(url);
  } finally {
    await running.stop();
  }
}

function startTap(url: string): RunningMq {
  return startMq(['tap', 'bench-tap', '--json'], { env: { MQ_URL: url }, deadlineMs: 2 ** 31 - 1 });
}

/** Prints the resident memory and the processor time of a tap whose output is a full pipe. */
async function measureBlocked(url: string): Promise<void> {
  const env = { ...process.env, MQ_URL: url };
  const child = spawn(executable, ['tap', 'bench-tap', '--json'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.pause();
  const figures: string[] = [];
  let errors = '';
  await new Promise<void>((resolve, reject) => {
    child.once('close', () => reject(new Error(errors)));
    child.stderr.on('data', (chunk: Buffer) => {
      errors += String(chunk);
      if (errors.includes('waiting for messages from')) resolve();
    });
  });
  for (let round = 0; round < blockedRounds; round += 1) {
    await confirms(url);
    figures.push(`${resident(child.pid ?? 0, 'VmRSS').toFixed(0)} MB`);
  }
  const cpuMs = cpuMsOf(child.pid ?? 0);
  await ended(child);
  say(`  blocked output: ${figures.join(', ')} after each ${seconds} s; ${cpuMs} ms of processor time`);
  say(`  ${/[^\n]* shown, [^\n]*/.exec(errors)?.[0] ?? errors}`);
}

/** Reads the output until the end of the tap after SIGTERM. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('close', () => resolve());
    child.kill('SIGTERM');
    child.stdout?.resume();
  });
}
