// Determines whether a role can do its work now: its consumers are attached, or its publisher has a channel.

import type { Counts } from '../session/counts.ts';
import { isConnected } from './metrics.ts';

export interface Readiness {
  readonly isReady: boolean;
  /** One line: `ready`, or the reason why the role is not ready. */
  readonly why: string;
}

/** Returns the readiness of a role. `isConsuming` is `false` for a role that sends. */
export function readiness(
  counts: Counts,
  { isConsuming, isStopping }: { isConsuming: boolean; isStopping: boolean },
): Readiness {
  const missing = () => {
    if (isStopping) return 'stopping';
    if (counts.connections === 0) return 'connecting';
    if (!isConnected(counts)) return counts.lost > 0 ? 'connecting again' : 'connecting';
    if (counts.blocked > 0) return 'the broker blocks publishing';
    if (isConsuming && counts.consumers === 0) return 'no consumer is attached';
    if (isConsuming && counts.consumers < counts.neededConsumers)
      return `${counts.consumers} of ${counts.neededConsumers} consumers are attached`;
    if (!isConsuming && counts.publishers === 0) return 'no channel to publish on';
    return undefined;
  };
  const why = missing();
  return { isReady: why === undefined, why: why ?? 'ready' };
}
