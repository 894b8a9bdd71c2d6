// Defines the settings of a consumer.

import type { Counts } from '../counts.ts';
import type { StreamSettings } from './stream-reading.ts';

export interface ConsumerSettings {
  readonly vhost: string;
  /** Name of the subscription in rascal.json. */
  readonly subscription: string;
  /** Prefetch count. 0 means no limit. */
  readonly prefetch: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly stream?: StreamSettings;
  /** Milliseconds between two checks whether the broker still has the consumer. Default 30,000. */
  readonly watchMs?: number;
  /** Milliseconds without a delivery after which mq checks whether the node can deliver. Default 10,000. */
  readonly quietMs?: number;
  readonly counts: Counts;
  readonly redact: (text: string) => string;
}
