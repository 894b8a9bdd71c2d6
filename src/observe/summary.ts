// Builds the summary line at the end of a run, which scripts rely on: the outcomes of all messages.

import { durationText } from '../config/duration.ts';
import type { Said } from '../context.ts';
import type { Counts } from '../session/counts.ts';

interface Run {
  readonly counts: Counts;
  /** `true` for a consuming role, `false` for a sending one. */
  readonly takes: boolean;
  /** `true` if the run ended with an error: a message was not confirmed, or a signal interrupted it. */
  readonly hasFailed: boolean;
  readonly durationMs: number;
}

/** Returns the summary of the run. The names of its fields are a public contract. */
export function summaryOf({ counts, takes, durationMs }: Run): Said {
  const { attempted, confirmed, refused, inDoubt, resume } = counts;
  const sent = { attempted, confirmed, refused, inDoubt };
  const { received, handled, acked, retried, deadLettered, rejected, handedBack, stale } = counts;
  const taken = { received, handled, acked, retried, deadLettered, rejected, handedBack, stale };
  const fields = {
    ...(takes && taken),
    ...sent,
    ...(resume !== undefined && { resume }),
    reconnects: counts.reconnected,
    seconds: Math.round(durationMs) / 1000,
  };
  const parts = takes
    ? [
        `${received} received`,
        ...counted([acked, 'acknowledged'], [retried, 'to be retried'], [deadLettered, 'dead-lettered']),
        ...counted([rejected, 'dropped'], [handedBack, 'handed back']),
      ]
    : [`${confirmed} of ${attempted} confirmed`, ...counted([refused, 'refused'], [inDoubt, 'in doubt'])];
  const message = `messages: ${parts.join(', ')} (${durationText(durationMs)})`;
  return { event: 'summary', message, fields };
}

/** Returns `true` if the summary is also printed without --log json. For a single message, the error is enough. */
export function isNoteworthy({ counts, takes, hasFailed }: Run): boolean {
  return hasFailed && (takes ? counts.received > 0 : counts.attempted > 1);
}

/** Returns `true` if a terminal also shows the summary after a normal end. */
export function hasMany({ counts, takes }: Run): boolean {
  return (takes ? counts.received : counts.attempted) > 1;
}

function counted(...parts: readonly (readonly [number, string])[]): string[] {
  return parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
}
