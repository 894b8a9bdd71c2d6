// Parses --delay and --at.

import type { DelayConfig } from '../../../config/config.ts';
import { durationMs, timeMs } from '../../../config/duration.ts';
import { longestDelaySeconds } from '../../../delay/objects.ts';
import type { Delay } from '../../../roles/delay.ts';
import { time } from '../../../time.ts';
import type { Values } from '../../arguments/values.ts';

const timeWithZone = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
const longestDays = Math.floor(longestDelaySeconds / 86_400);

/**
 * Returns the delay of the options, else the fixed delay of the publication, else `undefined`. Throws USAGE for both options,
 * a time in the past, and a delay of more than 97 days.
 */
export function delayOf(values: Values, configured: DelayConfig | undefined): Delay | undefined {
  const [delay, at] = [values.text('delay'), values.text('at')];
  if (delay !== undefined && at !== undefined)
    throw values.usage('--delay and --at are two times; only one is allowed');
  if (at !== undefined) return delayUntil(values, at);
  if (delay === undefined) return typeof configured === 'number' ? { type: 'fixed', ms: configured } : undefined;
  const ms = durationMs(delay, 's');
  if (ms === undefined || ms > longestDelaySeconds * 1000)
    throw values.usage(`--delay must be a duration (90s, 5m, 1h or 30d) of at most ${longestDays}d, not '${delay}'`);
  if (ms === 0) return undefined;
  return { type: ms === configured ? 'fixed' : 'after', ms };
}

function delayUntil(values: Values, at: string): Delay {
  const due = timeWithZone.test(at) ? timeMs(at) : undefined;
  if (due === undefined)
    throw values.usage(`--at must be a time with its zone (2026-12-01T08:00Z, 2026-12-01T09:00+01:00), not '${at}'`);
  const leftMs = due - time.date();
  if (leftMs < 0) throw values.usage(`--at ${at} is in the past`);
  if (leftMs > longestDelaySeconds * 1000)
    throw values.usage(`--at ${at} is more than ${longestDays} days away, which is the longest delay`);
  return { type: 'at', time: due };
}
