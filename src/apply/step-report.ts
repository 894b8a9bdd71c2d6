// Defines what a replacement and the deletion of a queue report.

export interface ReplaceReport {
  /** Milliseconds during which the queue did not exist, at most. `undefined` if an earlier run deleted it. */
  readonly gapMs: number | undefined;
  /** Number of messages that were moved to the new queue. */
  readonly moved: number;
  /** Number of messages whose property user_id was removed. */
  readonly withoutUser: number;
}

/** Report of the deletion of a queue. */
interface DeletionReport {
  /** Number of messages that the queue had. Unacknowledged messages count as well. */
  readonly lost: number;
}

export type StepReport = ReplaceReport | DeletionReport;

/** Returns the report in words, without a full stop. */
export function reportText(report: StepReport): string {
  if ('lost' in report) return `${messages(report.lost)} lost`;
  const { gapMs, moved, withoutUser } = report;
  const gap =
    gapMs === undefined
      ? '; the interrupted replacement is finished'
      : `; the queue did not exist for at most ${Math.ceil(gapMs)} ms`;
  const user =
    withoutUser === 0 ? '' : `; ${messages(withoutUser)} lost the property user_id, which only the publisher may set`;
  return `${messages(moved)} moved${gap}${user}`;
}

function messages(count: number): string {
  return `${count} ${count === 1 ? 'message' : 'messages'}`;
}
