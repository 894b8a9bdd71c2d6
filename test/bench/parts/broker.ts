// Measures the embedded broker and RabbitMQ in turn, with the same client: the broker's processor time for a message.

import { execFile, execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { emptyFolder, type RunningMq, startMq } from '../../support/mq.ts';
import { cpuMsOf, median, resident } from '../measure.ts';
import { say } from '../table.ts';
import type { RabbitNode, Settings } from './node.ts';

const load = join(import.meta.dirname, '../clients/load.js');
/** Number of messages that are queued for the measurement of memory. */
const queued = 1_000_000;
const sizes = [100, 10_000, 100_000, 1_000_000, 16_000_000];

export interface Broker {
  readonly url: string;
  readonly pid: number;
}

type Figures = Readonly<Record<string, number>>;

export async function broker({ runs, messages, node }: Settings): Promise<void> {
  const rabbit = rabbitBroker(await node());
  if (!rabbit)
    return say('\nembedded broker: not compared, because the processes of the broker of MQ_URL are not visible');
  const folder = emptyFolder();
  const memory = await start([]);
  const durable = await start(['--data', 'data'], folder);
  try {
    say(`\n${'embedded broker'.padEnd(44)}    embedded    RabbitMQ      ×`);
    for (const [title, mine, job] of [
      ['transient, published and consumed', memory, 'flow'],
      ['transient, published', memory, 'publish'],
      ['persistent, confirmed, consumed', durable, 'durable'],
    ] as const) {
      for (const bytes of job === 'publish' ? [100] : sizes) {
        const count = Math.max(20, Math.round(Math.min(messages, (messages * 2_000) / bytes)));
        await compare(`${title}, ${bytes} bytes`, [mine, rabbit], runs, [job, String(count), String(bytes)]);
      }
    }
    await compare('latency at 500 msg/s', [memory, rabbit], runs, ['latency', '500', '4']);
    await memoryOf(memory, rabbit);
  } finally {
    await Promise.all([memory.running.stop(), durable.running.stop()]);
    rmSync(folder, { recursive: true });
  }
}

export function rabbitBroker({ url, container }: RabbitNode): Broker | undefined {
  if (container === undefined) return undefined;
  const processes = execFileSync('docker', ['top', container, '-eo', 'pid,comm'], { encoding: 'utf8' });
  const pid = /(\d+)\s+beam/.exec(processes)?.[1];
  return pid === undefined ? undefined : { url, pid: Number(pid) };
}

async function start(args: readonly string[], cwd = emptyFolder()): Promise<Broker & { running: RunningMq }> {
  const running = startMq(['broker', '--port', '0', '--json', ...args], { cwd, deadlineMs: 2 ** 31 - 1 });
  return { running, pid: running.pid, url: JSON.parse(await running.prints(/\n/)).url };
}

/** Returns the figures of the client, and `cpuUs`: the broker's processor time in microseconds for a message. */
async function run({ url, pid }: Broker, args: readonly string[]): Promise<Figures> {
  const before = cpuMsOf(pid);
  const env = { ...process.env, MQ_URL: url };
  const { stdout } = await promisify(execFile)(process.execPath, [load, ...args], { env });
  const cpuUs = ((cpuMsOf(pid) - before) * 1000) / Number(args[1]);
  const figures = JSON.parse(stdout) as Figures;
  return args[0] === 'latency' ? figures : { cpuUs, ...figures };
}

const units: Readonly<Record<string, string>> = {
  cpuUs: 'cpu µs/msg',
  perSecond: 'msg/s',
  p50: 'p50 ms',
  p99: 'p99 ms',
};

/** Prints a line for each figure of the job. */
async function compare(
  title: string,
  [mine, theirs]: readonly [Broker, Broker],
  runs: number,
  args: readonly string[],
): Promise<void> {
  const pairs: [Figures, Figures][] = [];
  for (let pair = -1; pair < runs; pair += 1) {
    const both: [Figures, Figures] = [await run(mine, args), await run(theirs, args)];
    if (pair >= 0) pairs.push(both); // the first pair warms up
  }
  for (const name of Object.keys(pairs[0]?.[0] ?? {})) {
    const of = (index: 0 | 1) => median(pairs.map((pair) => pair[index][name] ?? Number.NaN));
    const ratio = median(pairs.map(([a, b]) => (a[name] ?? 0) / (b[name] ?? 0)));
    show(`${title} (${units[name] ?? name})`, of(0), of(1), ratio);
  }
}

async function memoryOf(mine: Broker, rabbit: Broker): Promise<void> {
  const more = async (one: Broker) => {
    const before = resident(one.pid, 'VmRSS');
    await run(one, ['fill', String(queued)]);
    return resident(one.pid, 'VmRSS') - before;
  };
  const [a, b] = [await more(mine), await more(rabbit)];
  show(`memory of ${queued} queued messages (MB)`, a, b, a / b);
}

function show(title: string, mine: number, theirs: number, ratio: number): void {
  const shown = (value: number) => value.toFixed(value < 100 ? 2 : 0).padStart(12);
  say(`  ${title.padEnd(56)}${shown(mine)}${shown(theirs)}${ratio.toFixed(2).padStart(7)}`);
}
