// What all connections of a broker share.

import type { Clock } from '../clock.ts';
import type { ChurnCounters } from '../counters.ts';
import type { Memory } from '../queue/memory.ts';
import type { Slices } from '../slices.ts';
import type { Store } from '../store/contract.ts';
import type { Users } from '../vhost/users.ts';
import type { VirtualHost } from '../vhost/vhost.ts';
import type { Connection } from './connection.ts';
import type { Limits } from './handshake.ts';
import type { Replies } from './reply-to.ts';
import type { Turn } from './turn.ts';

export interface BrokerState {
  readonly churn: ChurnCounters;
  /** Unique to this start of a broker, so that clients can tell two of one machine apart, unless a user has set it. */
  clusterName: string;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly memory: Memory;
  readonly replies: Replies;
  readonly slices: Slices;
  readonly store: Store | undefined;
  readonly turn: Turn;
  readonly users: Users;
  readonly version: string;
  readonly vhosts: ReadonlyMap<string, VirtualHost>;
  log(line: string): void;
  /** The handshake is done. */
  onOpen(connection: Connection): void;
  /** The socket is closed. */
  onGone(connection: Connection): void;
}
