// Parses the limit for reconnecting: --exit-on-disconnect and --max-reconnect.

import { durationMs } from '../../../config/duration.ts';
import type { ReconnectLimit } from '../../../session/session.ts';
import { longestTimerMs } from '../../../time.ts';
import type { Values } from '../../arguments/values.ts';

/** Returns the limit, or `undefined` to reconnect forever. */
export function reconnectLimit(values: Values): ReconnectLimit | undefined {
  const isAtOnce = values.flag('exit-on-disconnect') === true;
  const text = values.text('max-reconnect');
  if (text === undefined) return isAtOnce ? { tries: 0 } : undefined;
  if (isAtOnce) throw values.usage('--exit-on-disconnect and --max-reconnect exclude each other');
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return { tries: Number(text) };
  const milliseconds = /[a-z]$/.test(text) ? (durationMs(text, 's') ?? 0) : 0;
  if (milliseconds > 0 && milliseconds <= longestTimerMs) return { milliseconds };
  throw values.usage(`--max-reconnect must be a number of tries (5) or a duration (30s), not '${text}'`);
}
