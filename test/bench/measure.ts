// Measures whole processes in pairs and computes medians of ratios, for every benchmark.

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

export interface Measured {
  readonly seconds: number;
  /** Largest resident size in MB. */
  readonly peak: number;
}

export interface Job {
  readonly command: readonly string[];
  readonly cwd?: string;
  readonly url?: string;
  readonly input?: string;
}

/** Runs both jobs in turn, so that a change of the machine's speed affects both. `before` runs before each job. */
export async function paired(
  times: number,
  mine: Job,
  other: Job,
  before: () => Promise<void> = async () => undefined,
): Promise<[Measured, Measured][]> {
  const pairs: [Measured, Measured][] = [];
  for (let time = -1; time < times; time += 1) {
    await before();
    const first = await measure(mine);
    await before();
    const second = await measure(other);
    if (time >= 0) pairs.push([first, second]); // the first pair warms up
  }
  return pairs;
}

export async function measure({ command, cwd, url, input }: Job): Promise<Measured> {
  const [program = '', ...args] = command;
  const stdin = openSync(input ?? '/dev/null', 'r');
  const started = performance.now();
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...(url && { MQ_URL: url }) },
    stdio: [stdin, 'ignore', 'pipe'],
  });
  const errors: Buffer[] = [];
  child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk));
  let peak = 0;
  const look = setInterval(() => {
    peak = Math.max(peak, resident(child.pid ?? 0, 'VmHWM'));
  }, 20);
  const status = await new Promise<number | null>((done) => child.on('close', done));
  const seconds = (performance.now() - started) / 1000;
  clearInterval(look);
  closeSync(stdin);
  if (status !== 0) throw new Error(`${command.join(' ')}: exit ${status}\n${Buffer.concat(errors)}`);
  return { seconds, peak };
}

/** Returns the resident memory of a process in MB: current (VmRSS) or peak (VmHWM). Returns 0 without /proc. */
export function resident(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Prints the medians of both programs and the median of their ratios. */
export function row(
  title: string,
  pairs: readonly [Measured, Measured][],
  figure: (one: Measured) => number,
  ratio: (mine: number, other: number) => number,
): void {
  const mine = median(pairs.map(([one]) => figure(one)));
  const other = median(pairs.map(([, one]) => figure(one)));
  const between = median(pairs.map(([a, b]) => ratio(figure(a), figure(b))));
  say(
    `${title.padEnd(50)}  ${mine.toFixed(0).padStart(8)}    ${other.toFixed(0).padStart(8)}    ${between.toFixed(2).padStart(6)}`,
  );
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
