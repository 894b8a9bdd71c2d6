// A process that runs the schedules which worker-process.ts sends, one after another.

import './world/globals.ts';
import { writeSync } from 'node:fs';
import { type Plan, planOf } from './plan.ts';
import { type Result, Simulation } from './simulation.ts';
import { preload } from './world/preload.ts';

export interface Request {
  /** A plan, or the seed of one. */
  readonly schedule: Plan | number;
  readonly trace: boolean;
}

/** The plan is missing if the process has ended. */
export type Report = Omit<Result, 'plan'> & { readonly plan?: Plan };

/** A seed that runs first, so that everything is loaded. Its result is ignored. */
const warmUpSeed = 0;

function run({ schedule, trace }: Request): Promise<Report> {
  const plan = typeof schedule === 'number' ? planOf(schedule) : schedule;
  return new Simulation(plan, trace ? print : undefined).run();
}

function print(line: string): void {
  writeSync(1, `${line}\n`);
}

// The process that started this one has ended.
process.once('disconnect', () => process.exit());
// A terminal sends its signals to all processes. The one that started this process ends it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => undefined);
Error.stackTraceLimit = 0;
await preload();
await new Simulation(planOf(warmUpSeed)).run();
process.on('message', async (request: Request) => {
  if (request.trace) Error.stackTraceLimit = 30;
  // If the report cannot be sent, the event `disconnect` ends this process.
  process.send?.(await run(request), () => undefined);
});
