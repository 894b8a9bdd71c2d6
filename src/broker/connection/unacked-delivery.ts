// One message that was delivered to a client and is not acknowledged.

import type { Consumer } from '../queue/consumers.ts';
import type { Entry } from '../queue/entry.ts';
import type { Queue } from '../queue/queue.ts';

export interface UnackedDelivery {
  readonly tag: number;
  readonly entry: Entry;
  readonly queue: Queue;
  /** `undefined` after basic.get. */
  readonly consumer: Consumer | undefined;
}
