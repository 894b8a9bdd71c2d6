// Measures the cost of a broker outage and of a poison message: memory of a publisher with input at full rate,
// processor time of disconnected roles, processor time and redeliveries of a worker with a message that always fails.
//
//   npm run bench:outage -- [SECONDS]     duration of the outage (default 60)
//
// The exit status is 1 if a limit is exceeded.

import { readFileSync, rmSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../../src/cluster/docker/ports.ts';
import { emptyFolder, type RunningMq, startMq } from '../support/mq.ts';
import { median, resident } from './measure.ts';
import { say } from './table.ts';

const seconds = Number(process.argv[2] ?? 60);
const deadlineMs = (seconds + 120) * 1000;
const bounds = { growthMb: 64, processor: 0.05, redeliveries: 20 };
let isExceeded = false;

const data = emptyFolder();
const [port = 0, poisonPort = 0] = await freePorts(2, '127.0.0.1');
const [url, poisonUrl] = [port, poisonPort].map((one) => `amqp://guest:guest@127.0.0.1:${one}`) as [string, string];
const started: RunningMq[] = [];
try {
  let broker = await startBroker(port, ['--data', data]);
  await startBroker(poisonPort);
  const worker = start(['worker', '--handler', 'done.ts'], url, { 'done.ts': 'export default () => undefined;' });
  await worker.prints(/waiting for messages/, 'stderr');
  // Each failed attempt is requeued after the pause of --on-fail requeue.
  const poisoned = start(['worker', '--on-fail', 'requeue', '--exec', 'sh', '-c', 'echo came; exit 1'], poisonUrl);
  await poisoned.prints(/waiting for messages/, 'stderr');
  await start(['task', 'poison'], poisonUrl).ended;
  const task = start(['task', '--lines', '--timeout', String(seconds + 60)], url);
  const feeding = feed(task.stdin as Writable);

  const healthy = await sample(task, 10);
  broker.kill('SIGKILL');
  await broker.ended;
  const before = processors([task, worker, poisoned]);
  const cameBefore = attempts(poisoned);
  const away = await sample(task, seconds);
  const used = processors([task, worker, poisoned]).map((now, at) => (now - (before[at] ?? 0)) / seconds);
  const redelivered = ((attempts(poisoned) - cameBefore) * 60) / seconds;
  broker = await startBroker(port, ['--data', data]);
  await task.prints(/connected again/, 'stderr');
  const after = await sample(task, 5);
  feeding.stop();
  task.kill();

  const growth = Math.max(...away, ...after) - median(healthy);
  say(`the broker was away for ${seconds} s; the publisher's input ran at full rate`);
  row('memory growth of the publisher, MB', growth, bounds.growthMb, 1);
  row('  before', median(healthy), undefined, 1);
  row('  peak while the broker was away', Math.max(...away), undefined, 1);
  row('  peak in the 5 s after the outage', Math.max(...after), undefined, 1);
  row('processor time of the publisher, of one core', used[0] ?? Number.NaN, bounds.processor, 4);
  row('processor time of the worker, of one core', used[1] ?? Number.NaN, bounds.processor, 4);
  row('processor time of a worker with a poison message', used[2] ?? Number.NaN, bounds.processor, 4);
  row('redeliveries of the poison message, a minute', redelivered, bounds.redeliveries, 1);
} finally {
  for (const running of started) running.kill('SIGKILL');
  await Promise.allSettled(started.map(({ ended }) => ended));
  rmSync(data, { recursive: true, force: true });
}
process.exitCode = isExceeded ? 1 : 0;

function start(args: readonly string[], address: string, files: Readonly<Record<string, string>> = {}): RunningMq {
  const running = startMq(args, { env: { MQ_URL: address }, cwd: emptyFolder(files), deadlineMs });
  started.push(running);
  return running;
}

async function startBroker(at: number, more: readonly string[] = []): Promise<RunningMq> {
  const broker = start(['broker', '--port', String(at), ...more], '');
  await broker.prints(/\n/);
  return broker;
}

/** Writes lines as fast as the process reads them. */
function feed(stdin: Writable): { stop(): void } {
  const lines = `${'x'.repeat(99)}\n`.repeat(1000);
  let stopped = false;
  const write = () => {
    while (!stopped && stdin.write(lines));
    if (!stopped) stdin.once('drain', write);
  };
  write();
  return {
    stop: () => {
      stopped = true;
    },
  };
}

/** Returns the resident memory in MB, measured twice a second. */
async function sample({ pid }: RunningMq, forSeconds: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < forSeconds * 2) {
    await delay(500);
    found.push(resident(pid, 'VmRSS'));
  }
  return found;
}

/** Returns the processor time of each process so far in seconds, including children that have ended. */
function processors(of: readonly RunningMq[]): number[] {
  return of.map(({ pid }) => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    // proc(5): utime, stime, cutime, cstime are fields 14 to 17, in hundredths of a second.
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / 100;
  });
}

function attempts(running: RunningMq): number {
  return running.stdout().split('came').length - 1;
}

function row(title: string, figure: number, bound: number | undefined, digits: number): void {
  const isOver = bound !== undefined && !(figure <= bound);
  isExceeded ||= isOver;
  const judged = bound === undefined ? '' : `  at most ${bound}${isOver ? '  EXCEEDED' : ''}`;
  say(`${title.padEnd(50)}  ${figure.toFixed(digits).padStart(9)}${judged}`);
}
