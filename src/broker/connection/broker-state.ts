// The state that all connections of a broker share.

import type { Clock } from '../clock.ts';
import type { ChurnCounters } from '../counters.ts';
import type { Memory } from '../queue/memory.ts';
import type { Slices } from '../slices.ts';
import type { Store } from '../store/contract.ts';
import type { Users } from '../vhost/users.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { EndOfTick } from './end-of-tick.ts';
import type { Replies } from './reply-to.ts';

/** The limits of connection.tune. 0 means no limit, and no heartbeats. */
export interface Limits {
  readonly channelMax: number;
  readonly frameMax: number;
  /** Interval in seconds. */
  readonly heartbeat: number;
}

export interface BrokerState {
  readonly churn: ChurnCounters;
  /** Unique to this start of the broker unless a user has set it, so that clients can tell two brokers of one machine apart. */
  clusterName: string;
  readonly clock: Clock;
  /** The limits that clients are offered. */
  readonly limits: Limits;
  readonly memory: Memory;
  readonly replies: Replies;
  readonly slices: Slices;
  readonly store: Store | undefined;
  readonly endOfTick: EndOfTick;
  readonly users: Users;
  readonly version: string;
  readonly vhosts: ReadonlyMap<string, VirtualHost>;
  log(line: string): void;
}
