// Measures whole processes in turn: processor time, elapsed time and peak memory.

import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Measured {
  /** Unix time in milliseconds. */
  readonly beganAtMs: number;
  readonly seconds: number;
  /** User and system time of the process and of the children that it waited for, in milliseconds. */
  readonly cpuMs: number;
  /** Like `cpuMs`, without children. Resolution: 10 ms. */
  readonly ownCpuMs: number;
  /** Largest resident size in MB. */
  readonly peakMb: number;
}

export interface Job {
  readonly command: readonly string[];
  readonly cwd?: string;
  /** Address of the broker, passed as MQ_URL. */
  readonly url?: string;
  /** File that is the standard input. Default: empty. */
  readonly input?: string;
  /** Exit status that is a success. Default 0. */
  readonly status?: number;
}

/** Runs the jobs in turn, so that a drift of the machine's speed affects all of them. The first round warms up. */
export async function inTurn(
  rounds: number,
  jobs: readonly Job[],
  before: () => Promise<void> = async () => undefined,
): Promise<Measured[][]> {
  const results: Measured[][] = jobs.map(() => []);
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, job] of jobs.entries()) {
      await before();
      const measured = await measure(job);
      if (round >= 0) results[index]?.push(measured);
    }
  }
  return results;
}

export async function measure({ command, cwd, url, input, status = 0 }: Job): Promise<Measured> {
  const stdin = openSync(input ?? '/dev/null', 'r');
  const child = spawn('python3', ['-I', '-S', join(import.meta.dirname, 'usage.py'), ...command], {
    cwd,
    env: { ...process.env, ...(url && { MQ_URL: url }) },
    stdio: [stdin, 'ignore', 'pipe', 'pipe'],
  });
  const [, , errors, figures] = child.stdio;
  const [stderr, json] = await Promise.all([
    text(errors as NodeJS.ReadableStream),
    text(figures as NodeJS.ReadableStream),
  ]);
  closeSync(stdin);
  if (json === '') throw new Error(`${command.join(' ')}: cannot be measured\n${stderr}`);
  const measured = JSON.parse(json) as Measured & { status: number };
  if (measured.status !== status) throw new Error(`${command.join(' ')}: exit ${measured.status}\n${stderr}`);
  return measured;
}

/** Returns the current (VmRSS) or largest (VmHWM) resident size of a process in MB. */
export function resident(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]) / 1024;
}

/** Returns the user and system time of a running process so far, in milliseconds. Resolution: 10 ms. */
export function cpuMsOf(pid: number): number {
  const [user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11, 13) ?? [];
  return (Number(user) + Number(system)) * 10;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
