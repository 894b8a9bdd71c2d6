// npm run bench, second part: measures the embedded broker and RabbitMQ in turn, on the same machine with the same
// client. It does not fail if a ratio misses its target.
//
//   --messages N   number of messages to send (default 100000)
//   --runs N       number of pairs (default 5)
//   --queued N     number of queued messages for the memory figure (default 1000000)

import { execFile, execFileSync, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { startCluster } from '../../src/cluster/start.ts';
import { emptyFolder, executable, type RunningMq, startMq } from '../support/mq.ts';
import { median, resident, say } from './measure.ts';

const { values } = parseArgs({
  options: { messages: { type: 'string' }, runs: { type: 'string' }, queued: { type: 'string' } },
});
const count = Number(values.messages ?? 100_000);
const runs = Number(values.runs ?? 5);
const queued = Number(values.queued ?? 1_000_000);
const load = join(import.meta.dirname, 'load.ts');

type Figures = Readonly<Record<string, number>>;

async function main(): Promise<void> {
  const folder = emptyFolder();
  const memory = await start([]);
  const durable = await start(['--data', 'data'], folder);
  await using rabbit = await startCluster({ nodes: 1, image: 'mq-rabbitmq:4.3', owner: process.pid });
  try {
    say(`\nmedians of ${runs} pairs; ${count} messages; RabbitMQ ${rabbit.version} with all cores, the same client\n`);
    say('what                                            embedded     RabbitMQ       ratio');
    await compare('transient, one connection (msg/s)', [memory.url, rabbit.url], ['flow', String(count)]);
    await compare('persistent, confirmed (msg/s)', [durable.url, rabbit.url], ['flow', String(count), 'persistent']);
    await compare('latency at 500 msg/s, memory (ms)', [memory.url, rabbit.url], ['latency', '500', '4']);
    await memoryOf(memory, rabbit);
    await startUp();
  } finally {
    await Promise.all([memory.broker.stop(), durable.broker.stop()]);
    rmSync(folder, { recursive: true });
  }
}

async function start(args: readonly string[], cwd = emptyFolder()): Promise<{ broker: RunningMq; url: string }> {
  const broker = startMq(['broker', '--port', '0', '--json', ...args], { cwd, deadlineMs: 2 ** 31 - 1 });
  return { broker, url: JSON.parse(await broker.prints(/\n/)).url };
}

async function run(url: string, args: readonly string[]): Promise<Figures> {
  const env = { ...process.env, MQ_URL: url };
  const { stdout } = await promisify(execFile)(process.execPath, [load, ...args], { env });
  return JSON.parse(stdout) as Figures;
}

/** Prints a row for each figure of the job. */
async function compare(
  title: string,
  [mine, theirs]: readonly [string, string],
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
    show(name === 'perSecond' ? title : `${title.replace('latency', `latency ${name}`)}`, of(0), of(1), ratio);
  }
}

async function memoryOf(
  mine: { broker: RunningMq; url: string },
  rabbit: Awaited<ReturnType<typeof startCluster>>,
): Promise<void> {
  const pid = Number(
    execFileSync('docker', ['top', rabbit.containers[0] ?? '', '-eo', 'pid,comm'], { encoding: 'utf8' }).match(
      /(\d+)\s+beam/,
    )?.[1],
  );
  const before = [resident(mine.broker.pid, 'VmRSS'), resident(pid, 'VmRSS')];
  await run(mine.url, ['fill', String(queued)]);
  await run(rabbit.url, ['fill', String(queued)]);
  const [a = 0, b = 0] = [
    resident(mine.broker.pid, 'VmRSS') - (before[0] ?? 0),
    resident(pid, 'VmRSS') - (before[1] ?? 0),
  ];
  show(`memory for ${queued} queued messages (MB more)`, a, b, a / b);
}

/** Measures the time from the start of the process to its first line. */
async function startUp(): Promise<void> {
  const pairs: [number, number][] = [];
  for (let pair = -1; pair < runs * 4; pair += 1) {
    const both: [number, number] = [await firstLineMs(['broker', '--port', '0']), await firstLineMs(['--version'])];
    if (pair >= 0) pairs.push(both);
  }
  const of = (index: 0 | 1) => median(pairs.map((pair) => pair[index]));
  show('ready line, against --version (ms; want <= 1.5)', of(0), of(1), median(pairs.map(([a, b]) => a / b)));
}

function firstLineMs(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    let milliseconds = Number.NaN;
    const child = spawn(executable, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', () => {
      milliseconds = performance.now() - started;
      child.kill();
    });
    child.on('error', reject).on('close', () => resolve(milliseconds));
  });
}

function show(title: string, mine: number, theirs: number, ratio: number): void {
  const shown = (value: number) => (value < 100 ? value.toFixed(2) : value.toFixed(0)).padStart(10);
  say(`${title.padEnd(46)}${shown(mine)}   ${shown(theirs)}   ${ratio.toFixed(2).padStart(9)}`);
}

await main();
