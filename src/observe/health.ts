// Can this role do its work now? Not merely started: its consumer is attached, or its publisher has a channel.

import type { Counts } from '../session/counts.ts';
import { isConnected } from './metrics.ts';

export interface Readiness {
  readonly isReady: boolean;
  /** One line: `ready`, or what is missing. */
  readonly why: string;
}

/** `takes`: the role consumes, else it sends. */
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
