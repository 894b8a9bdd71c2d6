// Defines what a replacement reports.

export interface ReplaceReport {
  /** Milliseconds during which the queue did not exist, at most. `undefined` if an earlier run deleted it. */
  readonly gapMs: number | undefined;
  /** Number of messages that were moved to the new queue. */
  readonly moved: number;
  /** Number of messages whose property user_id was removed. */
  readonly withoutUser: number;
}

/** Returns the report in words, without a full stop. */
export function reportText({ gapMs, moved, withoutUser }: ReplaceReport): string {
  const gap = gapMs === undefined ? '' : `; the queue did not exist for at most ${Math.ceil(gapMs)} ms`;
  const user =
    withoutUser === 0 ? '' : `; ${withoutUser} messages lost their user_id, which only their publishers may set`;
  return `${moved} messages moved${gap}${user}`;
}
