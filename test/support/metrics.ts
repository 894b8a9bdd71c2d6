// Reads the metrics of a role that runs with --metrics 0, so that tests can wait for its internal state.

import type { RunningMq } from './mq.ts';
import { until } from './until.ts';

/** Waits until the metric has the value. */
export async function untilMetric(running: RunningMq, name: string, value = 1): Promise<void> {
  const [url = ''] = /http:\/\/\S+\/metrics/.exec(await running.prints(/metrics on \S+\n/, 'stderr')) ?? [];
  const pattern = new RegExp(`^${name} ${value}$`, 'm');
  await until(`${name} is ${value}`, async () => pattern.test(await (await fetch(url)).text()));
}
