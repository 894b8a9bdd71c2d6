// Determines whether a role can do its work now: its consumers are attached, or its publisher has a channel.

import type { Counts } from '../session/counts.ts';
import { isConnected } from './metrics.ts';

export interface Readiness {
  readonly isReady: boolean;
  /** One line: `ready`, or what is missing. */
  readonly why: string;
}

/** Returns the readiness of a role. `takes` is `true` for a consuming role and `false` for a sending one. */
export function readiness(counts: Counts, { takes, isStopping }: { takes: boolean; isStopping: boolean }): Readiness {
  const missing = () => {
    if (isStopping) return 'stopping';
    if (counts.connections === 0) return 'connecting';
    if (!isConnected(counts)) return counts.lost > 0 ? 'connecting again' : 'connecting';
    if (counts.blocked > 0) return 'the broker blocks publishing';
    if (takes && counts.consumers === 0) return 'no consumer is attached';
    if (takes && counts.consumers < counts.neededConsumers)
      return `${counts.consumers} of ${counts.neededConsumers} consumers are attached`;
    if (!takes && counts.publishers === 0) return 'no channel to publish on';
    return undefined;
  };
  const why = missing();
  return { isReady: why === undefined, why: why ?? 'ready' };
}
