// The metrics of a role that runs with --metrics 0: what has happened inside of it, for tests that have to wait for that.

import type { RunningMq } from './mq.ts';
import { until } from './until.ts';

/** Resolves when the metric has the value. */
export async function untilMetric(running: RunningMq, name: string, value = 1): Promise<void> {
  const [url = ''] = /http:\/\/\S+\/metrics/.exec(await running.prints(/metrics on \S+\n/, 'stderr')) ?? [];
  const pattern = new RegExp(`^${name} ${value}$`, 'm');
  await until(`${name} is ${value}`, async () => pattern.test(await (await fetch(url)).text()));
}
