// Builds the line at the end of a run with the outcomes of all messages. Scripts rely on it.

import { durationText } from '../config/duration.ts';
import type { Said } from '../context.ts';
import type { Counts } from '../session/counts.ts';

interface Run {
  readonly counts: Counts;
  /** `false` for a role that sends. */
  readonly isConsuming: boolean;
  /** `true` if the run ended with an error, for example because a message was not confirmed. */
  readonly hasFailed: boolean;
  readonly durationMs: number;
}

/** Returns the summary of the run. The names of its fields are a public contract. */
export function summaryOf({ counts, isConsuming, hasFailed, durationMs }: Run): Said {
  const { attempted, confirmed, refused, inDoubt, resume } = counts;
  const sent = { attempted, confirmed, refused, inDoubt };
  const { received, handled, acked, retried, deadLettered, rejected, handedBack, stale } = counts;
  const receipts = { received, handled, acked, retried, deadLettered, rejected, handedBack, stale };
  const fields = {
    ...(isConsuming && receipts),
    ...sent,
    ...(resume !== undefined && { resume }),
    reconnects: counts.reconnected,
    seconds: Math.round(durationMs) / 1000,
  };
  const parts = isConsuming
    ? [
        `${received} received`,
        ...counted([acked, 'acknowledged'], [retried, 'to be retried'], [deadLettered, 'dead-lettered']),
        ...counted([rejected, 'dropped'], [handedBack, 'handed back']),
      ]
    : [`${confirmed} of ${attempted} confirmed`, ...counted([refused, 'refused'], [inDoubt, 'in doubt'])];
  const next = hasFailed && resume !== undefined ? `; --skip ${resume} continues` : '';
  const message = `messages: ${parts.join(', ')} (${durationText(durationMs)})${next}`;
  return { event: 'summary', message, fields };
}

/**
 * Returns `true` if a failed run prints the summary even without --log json, because it received a message or sent
 * several. For a single sent message, the error is enough.
 */
export function isNoteworthy({ counts, isConsuming, hasFailed }: Run): boolean {
  return hasFailed && (isConsuming ? counts.received > 0 : counts.attempted > 1);
}

/** Returns `true` if a terminal shows the summary even after a normal end. */
export function hasMany({ counts, isConsuming }: Run): boolean {
  return (isConsuming ? counts.received : counts.attempted) > 1;
}

function counted(...parts: readonly (readonly [number, string])[]): string[] {
  return parts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
}
