// What a consumer is made with.

import type { Counts } from './counts.ts';

export interface ConsumerSettings {
  readonly vhost: string;
  /** Of rascal.json. */
  readonly subscription: string;
  /** 0: no bound. */
  readonly prefetch: number;
  readonly options: Readonly<Record<string, unknown>>;
  /** Milliseconds between two looks whether the broker still has the consumer. Default 30,000. */
  readonly watchMs?: number;
  /** Milliseconds without a delivery until the node is asked whether it can deliver. Default 10,000. */
  readonly quietMs?: number;
  readonly counts: Counts;
  readonly redact: (text: string) => string;
}
