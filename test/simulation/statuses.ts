// The exit statuses with which a role of the simulation may end.

import { type ErrorCode, exitStatuses } from '../../src/errors.ts';
import type { Plan } from './plan.ts';
import type { Signal } from './world/process.ts';

/** Codes of ends that faults of any kind can cause. */
const ofFaults: readonly ErrorCode[] = [
  // The broker cannot be reached at the start of a role.
  'UNAVAILABLE',
  // The connection was lost in the handshake of the start.
  'PROTOCOL',
  // The queue was unbound.
  'UNROUTABLE',
  // A connection was lost, or the broker did not answer.
  ...(['IN_DOUBT', 'REFUSED', 'DEADLINE'] as const),
];

const ofSignals = { SIGINT: exitStatuses.INTERRUPTED, SIGTERM: exitStatuses.TERMINATED };

/** Returns the documented statuses of a process that has received these signals. 0 is one of them. */
export function statusesOf({ faults, onFail, replacement }: Plan, signals: readonly Signal[]): ReadonlySet<number> {
  const codes = new Set(ofFaults);
  if (faults.some(({ fault }) => fault === 'programs cannot start')) codes.add('SYSTEM');
  // --on-fail exit ends a role at the first failed message.
  if (onFail === 'exit') codes.add('ANSWER_NO');
  // A role that declares the queue of the one configuration finds that of the other one.
  if (replacement !== undefined) codes.add('TOPOLOGY');
  // The first signal determines the status, except that the third one ends the process at once.
  const [first, , third] = signals;
  const ending = [first, third].filter((signal) => signal !== undefined);
  return new Set([0, ...[...codes].map((code) => exitStatuses[code]), ...ending.map((signal) => ofSignals[signal])]);
}
