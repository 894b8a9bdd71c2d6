// How long a role goes on connecting again: --exit-on-disconnect and --max-reconnect.

import type { ReconnectLimit } from '../session/giving-up.ts';
import type { Values } from './values.ts';

/** A longer timer of Node overflows and fires at once. */
const longestMs = 2 ** 31 - 1;

/** Undefined: for ever. */
export function reconnectLimit(values: Values): ReconnectLimit | undefined {
  const isAtOnce = values.flag('exit-on-disconnect') === true;
  const text = values.text('max-reconnect');
  if (text === undefined) return isAtOnce ? { tries: 0 } : undefined;
  if (isAtOnce) throw values.usage('--exit-on-disconnect and --max-reconnect exclude each other');
  const [, digits = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)(s?)$/.exec(text) ?? [];
  const milliseconds = Math.round(Number(digits) * 1000);
  if (unit === 's' && milliseconds > 0 && milliseconds <= longestMs) return { milliseconds };
  if (unit === '' && /^\d+$/.test(digits) && Number(digits) > 0) return { tries: Number(digits) };
  throw values.usage(`--max-reconnect must be a number of tries (5) or seconds (30s), not '${text}'`);
}
