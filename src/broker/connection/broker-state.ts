// The state that all connections of a broker share.

import type { Clock } from '../clock.ts';
import type { ChurnCounters } from '../counters.ts';
import type { Interference } from '../interference.ts';
import type { Memory } from '../queue/memory.ts';
import type { Slices } from '../slices.ts';
import type { Store } from '../store/contract.ts';
import type { Users } from '../vhost/users.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { EndOfTick } from './end-of-tick.ts';
import type { LoginRules } from './login/sasl.ts';
import type { Replies } from './reply-to.ts';

/** The limits of connection.tune. 0 means no limit. A heartbeat of 0 means no heartbeats. */
export interface Limits {
  readonly channelMax: number;
  readonly frameMax: number;
  /** Interval in seconds. */
  readonly heartbeat: number;
}

export interface BrokerState {
  readonly churn: ChurnCounters;
  /** Each start generates a new name if no user has set one, so that clients can distinguish two brokers on one machine. */
  clusterName: string;
  readonly clock: Clock;
  /** The limits that the broker offers to clients. */
  readonly limits: Limits;
  /** The faults that a test simulates. */
  readonly interference: Interference | undefined;
  readonly login: LoginRules;
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
