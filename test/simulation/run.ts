// Runs simulations: `npm run simulate -- OPTIONS`.
//
//   --seed S         begin with this seed (default: a random one)
//   --schedules N    run this many seeds (default 1 with --trace, else no limit)
//   --minutes N      stop after this time (default 5)
//   --jobs N         number of processes (default: the number of processors)
//   --with NAMES     run only seeds whose plan has one of these fields or faults, such as `replacement,power lost`
//   --until PATTERN  stop at the first violation that matches
//   --progress S     seconds between the lines on stderr that show the progress (default 60)
//   --trace          print each event of the run
//   --plan FILE      run the plan in this JSON file
//   --shrink         make the plan of the seed, or of the file, smaller, and print it with its trace
//   --runs N         most runs of --shrink (default 500)
//   --soak DAYS      run one publisher and one worker for this many virtual days, with a fault every ten minutes
//
// The exit status is 1 if a run violated an invariant. The last line contains a hash over the traces of all seeds. SIGINT and
// SIGTERM print the last lines of the runs that have ended; the status is then 130 or 143 without a violation.

import { readFileSync } from 'node:fs';
import { availableParallelism, constants } from 'node:os';
import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.ts';
import type { Plan } from './plan.ts';
import { kindOf, shrink } from './shrink.ts';
import { runSoak } from './soak-run.ts';
import type { Request } from './worker.ts';
import { WorkerProcess } from './worker-process.ts';

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const { values } = parseArgs({
  options: {
    ...{ seed: text, schedules: text, minutes: text, jobs: text, until: text, plan: text, runs: text, soak: text },
    ...{ with: text, progress: text },
    ...{ trace: flag, shrink: flag },
  },
});

type NumberName = 'seed' | 'schedules' | 'minutes' | 'jobs' | 'runs' | 'soak' | 'progress';

function numberOf(name: NumberName, otherwise: number): number {
  const number = Number(values[name] ?? otherwise);
  if (!(number >= 0)) throw new Error(`--${name} requires a number, not '${values[name]}'`);
  return number;
}

async function main(): Promise<number> {
  const { trace = false, plan: file, until } = values;
  const seed = numberOf('seed', Math.floor(Math.random() * 1e9));
  if (values.soak !== undefined)
    return Math.min(1, await runSoak({ days: Math.max(1, numberOf('soak', 30)), seed }, say));
  // The file holds a plan that this program has printed.
  const schedule = file === undefined ? seed : (JSON.parse(readFileSync(file, 'utf8')) as Plan);
  if (values.shrink) return shrinkAndPrint(schedule);
  if (file !== undefined) return runOnce({ schedule, trace });
  const { stop, status } = stopOnSignal();
  const violations = await runCampaign({
    seed,
    schedules: numberOf('schedules', trace ? 1 : Number.POSITIVE_INFINITY),
    minutes: numberOf('minutes', 5),
    jobs: trace ? 1 : numberOf('jobs', availableParallelism()),
    trace,
    fieldsOrFaults: values.with?.split(','),
    until: until === undefined ? undefined : new RegExp(until),
    progressSeconds: numberOf('progress', 60),
    ...{ stop, say, note: (line) => process.stderr.write(`${line}\n`) },
  });
  return violations > 0 ? 1 : status();
}

/** Returns a signal that aborts at SIGINT and SIGTERM, and a function that returns the exit status of this end, or 0. */
function stopOnSignal(): { readonly stop: AbortSignal; readonly status: () => number } {
  const controller = new AbortController();
  let status = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      status ||= 128 + constants.signals[signal];
      controller.abort(signal);
    });
  return { stop: controller.signal, status: () => status };
}

/** Runs one schedule. Returns 1 if it violates an invariant. */
async function runOnce(request: Request): Promise<number> {
  const worker = new WorkerProcess();
  const { violations, hash, steps } = await worker.run(request);
  await worker.end();
  for (const violation of violations) say(violation);
  say(`${steps} events, hash ${hash}, ${violations.length} violations`);
  return Math.min(1, violations.length);
}

async function shrinkAndPrint(schedule: Plan | number): Promise<number> {
  const plan = await shrunk(schedule);
  if (plan === undefined) return 0;
  say(JSON.stringify(plan, undefined, 2));
  return runOnce({ schedule: plan, trace: true });
}

/** Returns a smaller plan, or `undefined` if the schedule violates nothing. */
async function shrunk(schedule: Plan | number): Promise<Plan | undefined> {
  let worker = new WorkerProcess();
  const run = (one: Plan | number) => {
    if (!worker.isAlive) worker = new WorkerProcess();
    return worker.run({ schedule: one, trace: false });
  };
  try {
    const { violations, plan: original } = await run(schedule);
    const kinds = violations.map(kindOf);
    const [kind] = kinds;
    say(kind === undefined ? 'the schedule violates nothing' : `kind of the violation: ${kind}`);
    if (kind === undefined || original === undefined) return undefined;
    const { plan, runs } = await shrink(original, {
      fails: async (smaller) => {
        const found = (await run(smaller)).violations.map(kindOf);
        // A plan with a bad value, such as a time of 0, violates more.
        return found.includes(kind) && found.every((one) => kinds.includes(one));
      },
      mostRuns: numberOf('runs', 500),
    });
    say(`plan after ${runs} runs:`);
    return plan;
  } finally {
    await worker.end();
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

process.exitCode = await main();
