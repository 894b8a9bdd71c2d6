// Runs simulations: `npm run simulate -- OPTIONS`.
//
//   --seed S         begin with this seed (default: a random one)
//   --schedules N    run this many seeds (default 1 with --trace, else no limit)
//   --minutes N      stop after this time (default 5)
//   --jobs N         number of processes (default: the number of processors)
//   --trace          print each event of the run
//
// The exit status is 1 if a run violated an invariant. The last line contains a hash over the traces of all seeds.

import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Report, Request } from './worker.ts';

const worker = join(import.meta.dirname, 'worker.ts');
/** Number of seeds that a process runs before it reports. */
const chunk = 20;

interface Options {
  readonly seed: number;
  readonly schedules: number;
  readonly minutes: number;
  readonly jobs: number;
  readonly trace: boolean;
}

function optionsOf(): Options {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    options: { seed: text, schedules: text, minutes: text, jobs: text, trace: { type: 'boolean' } },
  });
  const { trace = false } = values;
  const numberOf = (name: 'seed' | 'schedules' | 'minutes' | 'jobs', otherwise: number) => {
    const number = Number(values[name] ?? otherwise);
    if (!(number >= 0)) throw new Error(`--${name} requires a number, not '${values[name]}'`);
    return number;
  };
  return {
    seed: numberOf('seed', Math.floor(Math.random() * 1e9)),
    schedules: numberOf('schedules', trace ? 1 : Number.POSITIVE_INFINITY),
    minutes: numberOf('minutes', 5),
    jobs: trace ? 1 : numberOf('jobs', availableParallelism()),
    trace,
  };
}

/** Hands out seeds, and sums up the reports. */
class Campaign {
  readonly #options: Options;
  readonly #begun = performance.now();
  #next: number;
  schedules = 0;
  steps = 0;
  virtualMs = 0;
  violations = 0;
  #hash = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#next = options.seed;
  }

  /** Returns the next seeds, or `undefined` at the end. */
  take(): Request | undefined {
    const { seed, schedules, minutes, trace } = this.#options;
    const left = Math.min(chunk, seed + schedules - this.#next);
    if (left <= 0 || this.minutes >= minutes) return undefined;
    const request = { from: this.#next, count: left, trace };
    this.#next += left;
    return request;
  }

  add(report: Report): void {
    for (const { seed, violations, hash, steps, virtualMs } of report.results) {
      this.schedules += 1;
      this.steps += steps;
      this.virtualMs += virtualMs;
      // The order of the seeds must not matter, because several processes run them.
      this.#hash = (this.#hash + Math.imul(Number.parseInt(hash, 16) ^ seed, 0x01000193)) >>> 0;
      if (violations.length === 0) continue;
      this.violations += 1;
      say(`seed ${seed}: ${violations.join('\n  ')}\n  npm run simulate -- --seed ${seed} --trace`);
    }
  }

  get minutes(): number {
    return (performance.now() - this.#begun) / 60_000;
  }

  summary(): string {
    const perMinute = Math.round(this.schedules / this.minutes);
    const days = (this.virtualMs / 86_400_000).toFixed(1);
    return [
      `${this.schedules} schedules from seed ${this.#options.seed}, ${perMinute} a minute, ${days} virtual days`,
      `${this.steps} events, hash ${this.#hash.toString(16).padStart(8, '0')}, ${this.violations} with violations`,
    ].join('\n');
  }
}

/** Runs seeds in a process of its own until none are left. */
function runJob(campaign: Campaign): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(worker, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const next = () => {
      const request = campaign.take();
      if (request) child.send(request);
      else child.disconnect();
    };
    child.on('message', (report) => {
      campaign.add(report as Report);
      next();
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`a process of the simulation ended with ${code ?? signal}`));
    });
    next();
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<number> {
  const options = optionsOf();
  const campaign = new Campaign(options);
  await Promise.all(Array.from({ length: options.jobs }, () => runJob(campaign)));
  say(campaign.summary());
  return campaign.violations > 0 ? 1 : 0;
}

process.exitCode = await main();
