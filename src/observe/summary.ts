// The one line at the end of a role's run that scripts rely on: what became of every message.

import { durationText } from '../config/duration.ts';
import type { Said } from '../context.ts';
import type { Counts } from '../session/counts.ts';

export interface Run {
  readonly counts: Counts;
  /** It consumes, else it sends. */
  readonly takes: boolean;
  /** It ended with an error: something was not confirmed, or a signal came in the middle. */
  readonly hasFailed: boolean;
  readonly durationMs: number;
}

/** The numbers of the run, by the names that are a contract. */
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

/** True if a person should see it without --log json too. A single message's error says all there is. */
export function isNoteworthy({ counts, takes, hasFailed }: Run): boolean {
  return hasFailed && (takes ? counts.received > 0 : counts.attempted > 1);
}

/** True if a person at a terminal sees the summary also after an orderly end. */
export function hasMany({ counts, takes }: Run): boolean {
  return (takes ? counts.received : counts.attempted) > 1;
}

function counted(...parts: readonly (readonly [number, string])[]): string[] {
  return parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
}
