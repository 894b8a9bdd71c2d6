// A process that runs the seeds which run.ts sends.

import './world/globals.ts';
import { writeSync } from 'node:fs';
import { planOf } from './plan.ts';
import { type Result, Simulation } from './simulation.ts';
import { preload } from './world/preload.ts';

export interface Request {
  readonly from: number;
  readonly count: number;
  readonly trace: boolean;
}

export interface Report {
  readonly results: readonly (Omit<Result, 'plan'> & { readonly seed: number })[];
}

/** A seed that runs first, so that everything is loaded. Its result is ignored. */
const warmUpSeed = 0;

async function run({ from, count, trace }: Request): Promise<Report> {
  const results: Report['results'][number][] = [];
  for (let seed = from; seed < from + count; seed++) {
    const { plan: _, ...result } = await new Simulation(planOf(seed), trace ? print : undefined).run();
    results.push({ seed, ...result });
  }
  return { results };
}

function print(line: string): void {
  writeSync(1, `${line}\n`);
}

Error.stackTraceLimit = 0;
await preload();
await new Simulation(planOf(warmUpSeed)).run();
process.on('message', async (request: Request) => {
  if (request.trace) Error.stackTraceLimit = 30;
  process.send?.(await run(request));
});
