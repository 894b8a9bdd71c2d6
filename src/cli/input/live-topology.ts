// Reads the topology of one vhost from the management API of its broker.

import type { Config, ConnectionConfig } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import type { Topology } from '../../topology/topology.ts';
import type { Values } from '../arguments/values.ts';
import { brokerOf } from './broker.ts';
import { findManagement } from './management.ts';
import { readVhost } from './topology.ts';

interface LiveVhost {
  readonly config: Config;
  readonly addresses: readonly ConnectionConfig[] | undefined;
  /** Name of the vhost in rascal.json; the name on the broker if rascal.json has no such vhost. */
  readonly name: string;
  /** `true` also reads the rates of the queues. */
  readonly withRates?: boolean;
}

interface LiveTopology {
  /** Address of the broker without user and password. */
  readonly shown: string;
  /** Name of the vhost on the broker. */
  readonly vhost: string;
  readonly topology: Topology;
}

/**
 * Reads a vhost. Throws TOPOLOGY if it does not exist, and the errors of the API.
 */
export async function liveTopologyOf(
  context: Context,
  values: Values,
  { config, addresses, name, withRates = false }: LiveVhost,
): Promise<LiveTopology> {
  const isInFile = Object.hasOwn(config.vhosts, name);
  const broker = brokerOf(config, isInFile ? name : (Object.keys(config.vhosts)[0] ?? name), addresses);
  const vhost = isInFile ? broker.vhost : name;
  const { api } = await findManagement(context, values, {
    connections: broker.connections.map((one) => ({ ...one, vhost })),
  });
  try {
    return { shown: broker.shown, vhost, topology: await readVhost(api, vhost, { withRates }) };
  } finally {
    api.close();
  }
}
