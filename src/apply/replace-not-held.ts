// Waits, before a queue is deleted, until it has no messages that AMQP does not count.

import { interruption } from '../signal.ts';
import { pause, time } from '../time.ts';
import type { ReplacedObjects } from './replace-objects.ts';
import { refuseUse } from './replace-refusals.ts';
import { notReady } from './replace-state.ts';
import type { Target } from './step.ts';

/** Milliseconds after which the numbers of a quorum queue are current. */
const countsMs = 5_500;
const pollMs = 250;
/**
 * Milliseconds to wait until there are no unacknowledged messages. The number of a quorum queue is late, and later on a
 * loaded machine.
 */
const [mostUnacknowledgedMs, mostUnacknowledgedQuorumMs] = [15_000, 30_000];
/** Milliseconds to wait until no message is held back. mq itself never makes this number rise. */
const mostHeldBackMs = 10_000;

interface Watched {
  readonly name: string;
  readonly type: string;
  /** The numbers must not be older than this time. */
  readonly since: number;
}

/**
 * Waits until no client has unacknowledged messages, and no message waits for its dead-letter target or a delayed retry.
 * No mover may run at this time. Throws REFUSED if such messages are left.
 */
export async function awaitNotHeld(
  { target, objects }: { target: Target; objects: ReplacedObjects },
  { name, type, since }: Watched,
): Promise<void> {
  const isQuorum = type === 'quorum';
  const earliest = isQuorum ? since + countsMs : 0;
  const begun = time.now();
  const mostMs = isQuorum ? mostUnacknowledgedQuorumMs : mostUnacknowledgedMs;
  for (;;) {
    if (time.now() >= earliest) {
      const { unacknowledged, heldBack } = await notReady(target, name);
      if (unacknowledged + heldBack === 0) return;
      const deadline = begun + (unacknowledged > 0 ? mostMs : mostHeldBackMs);
      if (time.now() >= deadline) return refuseUse({ ...target, objects }, name);
    }
    await pause(pollMs);
    if (target.signal.aborted) throw interruption(target.signal);
  }
}
